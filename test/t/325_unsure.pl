# Requests of which nobody knows whether they arrived, to a platform that counts a repeat of
# all but a purchase: Google Analytics.
use strict;
use warnings;

use FindBin;
use lib $FindBin::RealBin;

use EcapiCluster;
use EcapiReceiver;
use Test::More;

my $receiver = EcapiReceiver->start;
my $cluster = EcapiCluster->create;

# A destination with a receiver that behaves like that, and a purchase and a login for it.
sub send_both
{
	my ($name, $manners, %options) = @_;

	$cluster->destination($name, $receiver->url("/$name$manners"),
		{ format => 'ga4', measurement_id => 'G-ABC123', route => $name, %options }, { api_secret => 'secret' });
	$cluster->sql(join ';', 'BEGIN', map({
			my ($type, $more) = @$_;
			"SELECT ecapi_emit('$type', id => '$name-$type', $more ext => '{\"route\": \"$name\"}', "
			  . 'user_data => \'{"ext": {"click_ids": {"ga_client_id": "1.2"}}}\')'
		} [ 'purchase', 'value => 1, currency_code => \'EUR\',' ], [ 'login', '' ]), 'COMMIT');
	$cluster->drained($name);
	return;
}

sub failed
{
	return $cluster->sql("SELECT string_agg(concat_ws(' ', event_id, state, reason), ', ') "
		  . "FROM ecapi.failed_event WHERE destination = '$_[0]'");
}

for ([ lost => '/cut=after/first=1' ], [ error => '/status=500/first=1' ])
{
	my ($name, $manners) = @$_;

	send_both($name, $manners);
	is(failed($name), "$name-login dead may have arrived", "$name: what would count twice is not sent again");
	is($cluster->row($name)->{delivered}, 1, "$name: the purchase is");
	is(scalar($receiver->requests_at("/$name$manners/mp/collect")), 2, "$name: two requests");
}

send_both('busy', '/status=429/first=1');
is(failed('busy'), '', 'what was refused before it arrived goes again');
is($cluster->row('busy')->{delivered}, 2, 'as a whole');

send_both('again', '/status=500/first=1', allow_late_repeat => 'true');
is(failed('again'), '', 'so does all of a destination that allows repeats');
is($cluster->row('again')->{delivered}, 2, 'as a whole');
unlike($cluster->log_text, qr/api_secret=secret/, 'the secret is not in the log');

done_testing();
