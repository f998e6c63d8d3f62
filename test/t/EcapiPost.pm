# EcapiPost: requests to the receiver that a test writes by hand, and bodies that are
# changed in one place.
#
#   my $answer = post_to($receiver, '/x/webhook', { type => 'a' });   # {status}, {json}
#   my $body = changed($event, 'items.0.id', $gone);
package EcapiPost;

use strict;
use warnings;

use Exporter qw(import);
use HTTP::Tiny;
use JSON::PP;
use Storable qw(dclone);

our @EXPORT_OK = qw($gone changed post_to);

# The value that takes a member away.
our $gone = \'';

my $json = JSON::PP->new->utf8->canonical;
my $http = HTTP::Tiny->new(timeout => 180, max_redirect => 0);

# POST a text, or a structure as JSON; returns the answer with its JSON as {json}.
sub post_to
{
	my ($receiver, $path, $body, $headers) = @_;
	my $answer = $http->request('POST', $receiver->url($path), {
		content => ref $body ? $json->encode($body) : $body,
		headers => { 'Content-Type' => 'application/json', %{ $headers // {} } },
	});

	$answer->{json} = eval { $json->decode($answer->{content}) };
	return $answer;
}

# A copy with the place changed that a path such as "user_data.em" or "items.0.id"
# names; a value of $gone takes the member away.
sub changed
{
	my ($structure, $path, $value) = @_;
	my $copy = dclone($structure);
	my $at = $copy;
	my @steps = split /\./, $path;
	my $last = pop @steps;

	$at = ref $at eq 'ARRAY' ? $at->[$_] : $at->{$_} for @steps;
	if (ref $value eq 'SCALAR' && $$value eq '') { delete $at->{$last} }
	elsif (ref $at eq 'ARRAY') { $at->[$last] = $value }
	else { $at->{$last} = $value }
	return $copy;
}

1;
