# Requests of which nobody knows whether they arrived, to a platform that counts a repeat of
# all but a purchase, Google Analytics; and answers of Pinterest's, cut, about offline events.
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
# A thousand results, of which half have words, are longer than what is kept of an answer; of
# the events behind the cut the last one fails, too.
for my $allowed ('false', 'true')
{
	my $name = "pinterest_$allowed";

	$cluster->destination($name, $receiver->url("/$name/reject-if=bad-/index=ok"),
		{ format => 'pinterest', data_set_id => '549755', route => $name, allow_late_repeat => $allowed }, { access_token => 'token' });
	$cluster->sql("SELECT count(ecapi_emit('search', id => CASE WHEN i <= 500 OR i = 1000 THEN 'bad-' ELSE 'ok-' END || i, "
		  . "source => 'physical_store', ext => '{\"route\": \"$name\"}', "
		  . "user_data => '{\"email_address\": \"ann\@example.com\"}')) FROM generate_series(1, 1000) i");
	$cluster->drained($name);
	my ($delivered, $unsure, $rejected) = split /\|/, $cluster->sql(
		"SELECT d.delivered, count(*) FILTER (WHERE f.reason = 'may have arrived' AND f.state = 'dead'), "
		  . "count(*) FILTER (WHERE f.reason <> 'may have arrived') FROM ecapi.destination d "
		  . "JOIN ecapi.failed_event f USING (destination) WHERE d.destination = '$name' GROUP BY d.delivered");

	if ($allowed eq 'true')
	{
		is("$delivered $unsure $rejected", '499 0 501', 'who allows repeats has them after a cut answer, too');
		next;
	}
	is($delivered + $unsure, 500, 'what stands behind the cut is not known');
	cmp_ok($unsure, '>', 1, 'of some events');
	is($rejected, 500, 'and what is in front of it is');
}

unlike($cluster->log_text, qr/api_secret=secret/, 'the secret is not in the log');

done_testing();
