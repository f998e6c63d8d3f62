# Age windows: what is older than a destination takes is filtered
# there, counted and shown, before anything is sent; other destinations get it.
use strict;
use warnings;

use FindBin;
use lib $FindBin::RealBin;

use EcapiCluster;
use EcapiReceiver;
use Test::More;

my $receiver = EcapiReceiver->start;
my $cluster = EcapiCluster->create;

# Events of two ages in turn, PREFIX1 to PREFIXcount, odd ones a month old.
sub emit_ages
{
	my ($prefix, $count) = @_;

	return $cluster->sql("SELECT count(ecapi_emit('purchase', value => i, currency_code => 'EUR',"
		  . " id => '$prefix' || i, occurred_at => now() - CASE WHEN i % 2 = 1"
		  . " THEN interval '30 days' ELSE interval '1 day' END)) FROM generate_series(1, $count) i");
}

sub received
{
	my ($data_set) = @_;

	return join(' ', sort map { $_->{id} } grep { $_->{data_set_id} eq $data_set } $receiver->records);
}

# Events that the request log names as expired, by their number.
sub expired
{
	my ($name) = @_;

	return $cluster->sql("SELECT coalesce(string_agg(o.event->>'id', ' ' ORDER BY o.event->>'id'), '')"
		  . " FROM ecapi.request r JOIN ecapi.outbox o ON r.seqs @> o.seq"
		  . " WHERE r.destination = '$name' AND r.outcome = 'filtered' AND r.reason = 'expired'");
}

$cluster->destination('week', $receiver->url('/week'), { max_age => '7d' });
$cluster->destination('any', $receiver->url('/any'));
$cluster->destination('dry', $receiver->url('/dry'), { max_age => '7d', mode => 'shadow' });

emit_ages('a', 6);
$cluster->drained('week', 'any', 'dry');
is(received('week'), 'a2 a4 a6', 'what is in the window is sent');
is(received('any'), 'a1 a2 a3 a4 a5 a6', 'a destination without a window gets everything');
is(expired('week'), 'a1 a3 a5', 'what is too old stands in the request log');
is(expired('any'), '', 'and nothing where there is no window');
is(expired('dry'), 'a1 a3 a5', 'shadow mode shows it, too');
my $row = $cluster->row('week');
is("$row->{delivered} $row->{filtered} $row->{failed}", '3 3 0', 'and is counted');

# nothing but old events: a row in the log, no request
my $requests = $receiver->stats->{requests};
$cluster->sql("SELECT ecapi_emit('login', id => 'old', occurred_at => now() - interval '8 days')");
$cluster->drained('week', 'any', 'dry');
is(expired('week'), 'a1 a3 a5 old', 'an event alone expires, too');
is($receiver->stats->{requests}, $requests + 1, 'without a request of its own');
is(received('week'), 'a2 a4 a6', 'and is not sent');

# Waiting makes old: what expires while a destination is down is counted, too.
$cluster->destination('late', $receiver->url('/late/status=503'));
emit_ages('b', 4);
$cluster->wait_row('late', "state = 'waiting'");
$cluster->sql("ALTER SERVER late OPTIONS (ADD max_age '7d')");
$cluster->alter('late', url => $receiver->url('/late'));
$cluster->resume('late');
$cluster->drained('late');
is(received('late'), 'b2 b4', 'a window holds for events that waited');
is(expired('late'), 'b1 b3', 'which are counted');

# the window is lifted
$cluster->sql('ALTER SERVER week OPTIONS (SET max_age \'0\')');
emit_ages('c', 2);
$cluster->drained('week');
like(received('week'), qr/ c1 c2$/, 'max_age 0 takes all');

$cluster->stop;
done_testing();
