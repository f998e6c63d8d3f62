# Fields that a destination does not carry: counted for each destination by itself, once
# for each event however often it is sent, as the format is given it, and shown to who
# monitors.
use strict;
use warnings;

use FindBin;
use lib $FindBin::RealBin;

use EcapiCluster;
use EcapiReceiver;
use Test::More;

my $token = 'EAABtoken';
my $receiver = EcapiReceiver->start(args => [ '--meta-token', $token ]);
my $cluster = EcapiCluster->create;

$cluster->write_credential('meta.token', "$token\n");

sub counts
{
	my ($name) = @_;

	return $cluster->sql("SELECT path, events FROM ecapi.not_carried WHERE destination = '$name' ORDER BY path");
}

sub meta
{
	my ($name, $path, %options) = @_;

	return $cluster->destination($name, $receiver->url($path), { format => 'meta', data_set_id => 1000,
			event_types => 'purchase', %options }, { access_token_file => 'meta.token' });
}

# Purchases of a vehicle in one transaction: PREFIX1 to PREFIXcount.
sub emit
{
	my ($prefix, $count) = @_;

	return $cluster->sql(<<"END");
SELECT count(ecapi_emit('purchase', value => i, currency_code => 'EUR', id => '$prefix' || i, source => 'website',
	user_data => '{"email_address": "ann\@example.com", "event_user_agent": "Mozilla/5.0", "utcoffset": 60}',
	properties => '{"page_url": "https://shop.example/", "vin": "1HGCM82633A004352", "tax": 2.5}',
	ext => '{"route": "de"}'))
FROM generate_series(1, $count) i
END
}

# --- each destination by itself

$cluster->sql(<<'END');
CREATE ROLE painter;
CREATE FUNCTION painted(page ecapi.event[]) RETURNS TABLE (seq bigint, patch jsonb) STABLE
BEGIN ATOMIC
	SELECT e.seq, '{"properties": {"exterior_color": "black"}}'::jsonb FROM unnest(page) e;
END;
ALTER FUNCTION painted OWNER TO painter;
GRANT USAGE ON SCHEMA ecapi TO painter;
END
meta('plain', '/plain');
meta('again', '/again/first=2/status=503');
meta('shadow', '/shadow', mode => 'shadow');
meta('painted', '/painted', enrich => 'public.painted');
meta('redacted', '/redacted', redact => 'properties.vin');
$cluster->destination('native', $receiver->url('/native'), { event_types => 'purchase' });
emit('a', 5);
$cluster->drained(qw(plain again shadow painted redacted native));
is(counts('plain'), "properties.vin|5\nuser_data.utcoffset|5", 'what Meta has no name for is counted');
is(counts('again'), counts('plain'), 'once for each event, however often it is sent');
is(counts('shadow'), counts('plain'), 'also where nothing is sent');
is(counts('redacted'), 'user_data.utcoffset|5', 'what an option has taken out is not counted');
is(counts('painted'), "properties.exterior_color|5\n" . counts('plain'), 'what an enrichment has added is');
is(counts('native'), '', 'the standard itself carries all');
is($cluster->sql('SELECT count(*) FROM ecapi.left_out'), 0, 'nothing of it was invalid');

emit('b', 1);
$cluster->drained('plain');
is(counts('plain'), "properties.vin|6\nuser_data.utcoffset|6", 'counts go on');

# --- what a preview says

is($cluster->sql("SELECT not_carried FROM ecapi.preview('plain', 'a1')"),
	'{user_data.utcoffset,properties.vin}', 'a preview of an event names its fields');
is($cluster->sql("SELECT not_carried FROM ecapi.preview('redacted', 'a1')"),
	'{user_data.utcoffset}', 'but those that an option takes out');
is($cluster->sql("SELECT not_carried IS NULL FROM ecapi.preview('native', 'a1')"), 't', 'none, where all are carried');
is(counts('plain'), "properties.vin|6\nuser_data.utcoffset|6", 'a preview counts nothing');

# --- who reads it, and what a server's end does

$cluster->sql('CREATE ROLE watcher IN ROLE pg_monitor; CREATE ROLE nobody');
is($cluster->sql('SET ROLE watcher; SELECT count(*) FROM ecapi.not_carried'), 10, 'who monitors reads it');
like($cluster->refused('SET ROLE nobody; SELECT * FROM ecapi.not_carried', 'nobody else does'),
	qr/permission denied/, 'for want of the right');
$cluster->sql('ALTER SERVER plain RENAME TO simple');
is(counts('simple'), "properties.vin|6\nuser_data.utcoffset|6", 'a renamed destination keeps its counts');
$cluster->sql('DROP SERVER simple CASCADE');
meta('plain', '/plain');
emit('c', 1);
$cluster->drained('plain');
is(counts('plain'), "properties.vin|1\nuser_data.utcoffset|1", 'another of its first name begins at zero');
$cluster->stop;
$cluster->start;
is(counts('redacted'), '', 'a restart begins at zero');

$cluster->stop;
done_testing();
