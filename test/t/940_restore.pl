# A database with all kinds of objects, dumped and restored by several jobs at once, from
# a file and from a directory: without a word, with all that was declared, and nothing
# that belongs to the original alone.  110 and 112 look at tracks and destinations
# more closely.
use strict;
use warnings;

use FindBin;
use lib $FindBin::RealBin;

use EcapiCluster;
use EcapiReceiver;
use PostgreSQL::Test::Utils;
use Test::More;

my $receiver = EcapiReceiver->start;
my $cluster = EcapiCluster->create(conf => "max_worker_processes = 20\ntimezone = 'UTC'\n");
my $folder = PostgreSQL::Test::Utils::tempdir();

# --- all kinds of objects, in several schemas

mkdir $cluster->credentials . '/shop_owner' or die "mkdir: $!";
$cluster->write_credential($_, "token\n") for 'shop.token', 'shop_owner/shop.token';
$cluster->sql(<<'SQL');
CREATE ROLE shop_owner;
GRANT USAGE ON SCHEMA ecapi TO shop_owner;
GRANT EXECUTE ON FUNCTION ecapi.track, ecapi.capture, ecapi.fit, ecapi.history, ecapi.customer, ecapi.digest TO shop_owner;
GRANT USAGE ON FOREIGN DATA WRAPPER ecapi TO shop_owner;
CREATE SCHEMA shop AUTHORIZATION shop_owner;
CREATE SCHEMA aa_first AUTHORIZATION shop_owner;
SET ROLE shop_owner;
CREATE TABLE shop.orders (id serial PRIMARY KEY, buyer text, total numeric, currency text DEFAULT 'EUR', paid_at timestamptz);
CREATE TABLE shop.visits (part int, id int, PRIMARY KEY (part, id)) PARTITION BY RANGE (part);
CREATE TABLE shop.visits_1 PARTITION OF shop.visits FOR VALUES FROM (1) TO (10) PARTITION BY LIST (id);
CREATE TABLE aa_first.visits_1_x PARTITION OF shop.visits_1 DEFAULT;
CREATE TABLE shop.visits_2 PARTITION OF shop.visits DEFAULT;
CREATE TABLE shop.costs (id text PRIMARY KEY, cost numeric);
CREATE FUNCTION aa_first.margin(page ecapi.event[]) RETURNS TABLE (seq bigint, patch jsonb) STABLE
BEGIN ATOMIC
	SELECT e.seq, jsonb_build_object('value', e.value - c.cost) FROM unnest(page) e JOIN shop.costs c ON c.id = e.id;
END;
SELECT ecapi.track('shop.orders', 'purchase', condition => 'paid_at IS NOT NULL', at_commit => true, mapping => '{
	"value": "total", "currency_code": "currency", "timestamp": "paid_at", "user_data.customer_identifier": "buyer"}');
SELECT ecapi.track('shop.visits', 'viewed_item', '{}', always => true);
RESET ROLE;
SET ecapi.capture = off;
-- 300 customers, each of whom orders at a rate of its own for two years or less
INSERT INTO shop.orders (buyer, total, paid_at)
SELECT 'C' || c, 20 + (c * 7 + n * 13) % 40, timestamptz '2024-01-01' + (c % 100 + n * (20 + c * 31 % 170)) * interval '1 day'
FROM generate_series(1, 300) c, LATERAL generate_series(0, c * 17 % 23) n
WHERE c % 100 + n * (20 + c * 31 % 170) < 728;
SET ROLE shop_owner;
SELECT ecapi.fit('shop.orders', scores => 'shop.scores', holdout => '52 weeks');
CREATE SERVER shop FOREIGN DATA WRAPPER ecapi OPTIONS (url 'https://example.com', data_set_id 'd', mode 'shadow',
	enrich 'aa_first.margin, shop.scores_patch', filter 'value > 1 OR value IS NULL');
CREATE USER MAPPING FOR PUBLIC SERVER shop OPTIONS (access_token_file 'shop.token');
SQL
$cluster->destination('live', $receiver->url('/reject-if=bad'), {}, { access_token_file => 'shop.token' });

# What belongs to this database alone: events, failed and stopped ones, cancellations,
# a replay; and who is forgotten, which goes along.
$cluster->sql(q{INSERT INTO shop.visits VALUES (1, 1), (11, 1)});
$cluster->sql(q{SELECT ecapi_emit('purchase', id => 'bad-1', value => 5, currency_code => 'EUR'), ecapi_emit('login', id => 'good-1')});
$receiver->wait_received('good', 1);
$cluster->wait_row('live', 'failed = 1 AND backlog = 0');
$cluster->pause('live');
$cluster->sql(q{SELECT ecapi_emit('purchase', id => 'waits-1', value => 5, currency_code => 'EUR',
	user_data => '{"email_address": "ann@example.com"}')});
$cluster->sql(q{SET client_min_messages = error; SELECT ecapi.cancel('good-1'); SELECT ecapi.forget('ann@example.com');
	SELECT ecapi.replay('live', since => now() - interval '1 day')});

# What is declared, in words that are the same in each database.
sub declared
{
	my ($database) = @_;

	return $cluster->in($database)->sql(<<'SQL');
SELECT 'track', k.relation, k.name, pg_get_triggerdef(t.oid), t.tgenabled, coalesce(k.problem, '')
FROM ecapi.track k JOIN pg_trigger t ON t.tgname = k.trigger AND t.tgrelid = k.relation ORDER BY t.tgname;
SELECT 'copy', tgrelid::regclass, tgenabled FROM pg_trigger WHERE tgname LIKE 'ecapi%' AND tgparentid <> 0 ORDER BY tgrelid::regclass::text;
SELECT 'destination', s.srvname, s.srvowner::regrole, o.option_name, o.option_value
FROM pg_foreign_server s, pg_options_to_table(s.srvoptions) o WHERE option_name <> 'origin' ORDER BY 2, 4;
SELECT 'needs', s.srvname, pg_describe_object(d.refclassid, d.refobjid, 0) FROM pg_foreign_server s JOIN pg_depend d
	ON d.classid = 'pg_foreign_server'::regclass AND d.objid = s.oid WHERE d.refclassid = 'pg_proc'::regclass ORDER BY 2, 3;
SELECT 'mapping', srvname, usename, umoptions FROM pg_user_mappings ORDER BY 2;
SELECT 'forgotten', count(*), min(encode(person, 'hex')), (SELECT encode(key, 'hex') FROM ecapi.forget_key) FROM ecapi.forgotten;
SELECT 'scores', count(*), round(sum(expected_purchases)::numeric, 3) FROM shop.scores;
SELECT 'orders', count(*), sum(total) FROM shop.orders;
SELECT 'problem', s.srvname, p.what FROM pg_foreign_server s, ecapi_internal.destination_problems(s.oid) p WHERE p.severity = 'error' ORDER BY 2;
SQL
}

my $declared = declared('postgres');

like($declared, qr/^needs\|shop\|function shop\.scores_patch/m, 'tracks, destinations, enrichments, scores');
unlike($declared, qr/^scores\|0/m, 'there are scores');

for my $format ('custom', 'directory')
{
	$cluster->command_ok([ 'pg_dump', '-F', $format, '-f', "$folder/$format", '-d', $cluster->connstr('postgres'),
			$format eq 'directory' ? ('-j', 3) : () ], "dumped: $format");
	$cluster->restored($format, 'pg_restore', '--exit-on-error', '-j', '4', "$folder/$format");
	my $copy = $cluster->in($format);

	is(declared($format), $declared, 'all that was declared is there');
	is($copy->sql('SELECT (SELECT count(*) FROM ecapi.outbox), (SELECT count(*) FROM ecapi.failed_event), (SELECT count(*) FROM ecapi.stop),'
			  . ' (SELECT count(*) FROM ecapi.replay), (SELECT count(*) FROM ecapi.request), (SELECT count(*) FROM ecapi.ledger),'
			  . ' (SELECT count(*) FROM ecapi.cancellation)'), '0|0|0|0|0|0|0', 'and nothing of what the original has yet to do');
	$copy->wait_state('live', 'stopped', 'copy.*ecapi\.adopt');

	# capture goes on; deliveries when they are adopted
	$copy->sql("INSERT INTO shop.visits VALUES (1, 1000), (11, 1001);"
		  . "INSERT INTO shop.orders (id, buyer, total, paid_at) VALUES (100000, 'C1', 9, now())");
	is($copy->sql("SELECT string_agg(event->>'id', ' ' ORDER BY event->>'id') FROM ecapi.outbox"),
		'shop.orders:100000:purchase shop.visits:11:1001:viewed_item shop.visits:1:1000:viewed_item', 'tracks work');
	$copy->sql("SELECT ecapi.adopt('live'), ecapi.adopt('shop')");
	$copy->drained('live', 'shop');
	$copy->emit("$format-", 1, 3);
	$receiver->wait_received($format, 3);
	is(scalar(keys %{ $receiver->ids_received('shop') }), 0, 'nothing of before was sent');
	is($copy->doctor('error'), '', 'nothing is wrong');
	$cluster->sql("DROP DATABASE $format");
}

$cluster->stop;
done_testing();
