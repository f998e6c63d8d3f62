# A platform that takes one user a request gets the events of each user together, though
# those of others stand between them; the preview shows the same request; and a destination
# that sends one request at a time keeps the order of events instead.
use strict;
use warnings;

use FindBin;
use lib $FindBin::RealBin;

use EcapiCluster;
use EcapiFormats qw(@RECEIVER write_secrets format_destination purchases);
use EcapiReceiver;
use Test::More;

my $USERS = 20;
my $EACH = 15;					# fewer than a request takes
my $EVENTS = $USERS * $EACH;
my $MANY = 100;					# users, each with one event: more than are gathered at once

my $receiver = EcapiReceiver->start(args => \@RECEIVER);
my $cluster = EcapiCluster->create;

sub records_of { return grep { index($_->{path}, "/$_[0]/") == 0 } $receiver->records }
sub requests_of { return grep { index($_->{path}, "/$_[0]/") == 0 } $receiver->requests }

write_secrets($cluster, 'ga4', 'good');
format_destination($cluster, $receiver, 'ga4', 'by_user', '/by_user/x');
format_destination($cluster, $receiver, 'ga4', 'in_order', '/in_order/x', max_in_flight => 1);
$cluster->pause($_) for qw(by_user in_order);

# user 1, 2, ... 20, 1, 2, ...; refunds, which are not sent, stand between them
$cluster->sql(purchases('e-', 1, $EVENTS, person => "i % $USERS"));
$cluster->sql("SELECT ecapi_emit('refund', value => 1, currency_code => 'EUR', id => 'no')");
$cluster->sql(purchases('m-', 1, $MANY, person => '1000 + i'));

is($cluster->sql(q{SELECT decision, events, ids[1:3] FROM ecapi.preview('by_user') WHERE decision = 'send'}),
	"send|$EACH|{e-1,e-21,e-41}", 'the preview shows a request of one user');
is($cluster->sql(q{SELECT decision, events FROM ecapi.preview('in_order') WHERE decision = 'send'}),
	'send|1', 'and one of one event where the order is kept');

$cluster->resume($_) for qw(by_user in_order);
$cluster->drained(qw(by_user in_order));

my @first = grep { $_->{id} =~ /^e-/ } records_of('by_user');
my %of_user;
push @{ $of_user{ substr($_->{id}, 2) % $USERS } }, substr($_->{id}, 2) for @first;
is(scalar @first, $EVENTS, 'all events arrived, each once');
is(join(' ', grep { "@{ $of_user{$_} }" ne join(' ', sort { $a <=> $b } @{ $of_user{$_} }) } sort keys %of_user), '',
	'those of each user in their order');
is(scalar(grep { $_->{id} =~ /^m-/ } records_of('by_user')), $MANY, 'and those of many users');
is(scalar(requests_of('by_user')), $USERS + $MANY, 'in one request a user');
is(join(' ', map { $_->{id} } records_of('in_order')), join(' ', (map { "e-$_" } 1 .. $EVENTS), (map { "m-$_" } 1 .. $MANY)),
	'one request at a time: all are in order');
is($cluster->sql('SELECT count(*) FROM ecapi.failed_event'), '0', 'nothing failed');

$cluster->stop;
$receiver->stop;
done_testing();
