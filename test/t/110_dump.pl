# A tracked database, dumped and restored elsewhere: tracks work there and
# nothing warns, whichever way it is dumped.
use strict;
use warnings;

use FindBin;
use lib $FindBin::RealBin;

use EcapiCluster;
use PostgreSQL::Test::Utils;
use Test::More;

my $cluster = EcapiCluster->create;
my $folder = PostgreSQL::Test::Utils::tempdir();

# Tracks as they are declared, with what is wrong with them.
sub tracks
{
	return $cluster->in($_[0])->sql("SELECT t.tgname, pg_get_triggerdef(t.oid), t.tgenabled, k.problem"
		  . " FROM ecapi.track k JOIN pg_trigger t ON t.tgname = k.trigger AND t.tgrelid = k.relation"
		  . " ORDER BY 1, 2");
}

# Rows that every track here turns into an event.
sub capture
{
	my ($database) = @_;

	$cluster->in($database)->sql("INSERT INTO shop.customers VALUES (1000, 'new\@example.com');"
		  . "INSERT INTO shop.orders VALUES (1000, 1000, 'paid', 10, 0, 'EUR');"
		  . "UPDATE shop.orders SET refunded = 5 WHERE id = 1000;"
		  . "INSERT INTO shop.visits VALUES (1, 1000), (11, 1001)");
	return $cluster->in($database)->sql("SELECT string_agg(event->>'id', ' ' ORDER BY event->>'id') FROM ecapi.outbox"
		  . " WHERE event->>'id' ~ '100[01]'");
}

$cluster->sql(<<'SQL');
CREATE ROLE shop_owner;
GRANT USAGE ON SCHEMA ecapi TO shop_owner;
GRANT EXECUTE ON FUNCTION ecapi.track, ecapi.capture TO shop_owner;
CREATE SCHEMA shop AUTHORIZATION shop_owner;
SET ROLE shop_owner;
-- restored before what it refers to: tables by name, foreign keys last of all
CREATE TABLE shop.orders (id int PRIMARY KEY, buyer int, status text, total numeric, refunded numeric, currency text);
CREATE TABLE shop.customers (id int PRIMARY KEY, email text);
ALTER TABLE shop.orders ADD FOREIGN KEY (buyer) REFERENCES shop.customers;
CREATE FUNCTION shop.zero(numeric) RETURNS boolean IMMUTABLE LANGUAGE sql AS 'SELECT $1 = 0';
CREATE TABLE shop.visits (part int, id int, PRIMARY KEY (part, id)) PARTITION BY RANGE (part);
CREATE TABLE shop.visits_1 PARTITION OF shop.visits FOR VALUES FROM (1) TO (10);
CREATE TABLE shop.visits_2 PARTITION OF shop.visits FOR VALUES FROM (10) TO (20);
SELECT ecapi.track('shop.orders', 'purchase', '{"value": "total", "currency_code": "currency",
    "user_data.email_address": "buyer.email", "ext.free": "shop.zero(new.total)",
    "ext.same": "(SELECT c.email FROM shop.customers c WHERE c.id = new.buyer)"}', condition => $$status = 'paid'$$);
SELECT ecapi.track('shop.orders', 'refund', '{"value": "refunded", "currency_code": "currency"}', on_change => '{refunded}');
SELECT ecapi.track('shop.orders', 'login', '{"ext.text": "''it''''s \\ \"q\"''"}', at_commit => true, always => true, name => 'odd "name"');
SELECT ecapi.track('shop.customers', 'sign_up', '{"user_data.email_address": "email"}');
SELECT ecapi.track('shop.visits', 'viewed_item', '{}', always => true);
SELECT ecapi.track('shop.orders', 'add_to_cart', '{}');
ALTER TABLE shop.orders DISABLE TRIGGER ecapi_add_to_cart;
INSERT INTO shop.customers VALUES (1, 'ann@example.com');
INSERT INTO shop.orders SELECT i, 1, 'paid', i, 0, 'EUR' FROM generate_series(1, 10) i;
INSERT INTO shop.visits SELECT 1, i FROM generate_series(1, 10) i;
SQL

my $declared = tracks('postgres');

is(scalar(my @lines = split(/\n/, $declared)), 6, 'six tracks are declared');
is($cluster->sql('SELECT count(*) FROM ecapi.track WHERE problem IS NOT NULL'), '0', 'none is broken');

# Each way to dump, then each way to restore: database, options.
my %dumps = (
	schema => ['--schema-only', '-Fc'],
	full => ['-Fc'],
	inserts => ['--inserts', '-Fc'],
);

for my $kind (sort keys %dumps)
{
	$cluster->command_ok(
		['pg_dump', @{ $dumps{$kind} }, '-f', "$folder/$kind", '-d', $cluster->connstr('postgres')],
		"$kind dump");
}

sub restore_and_look
{
	my ($database, $kind, @options) = @_;

	$cluster->restored($database, 'pg_restore', '--exit-on-error', @options, "$folder/$kind");
	is(tracks($database), $declared, 'its tracks are the same');
	is($cluster->in($database)->sql('SELECT count(*) FROM ecapi.outbox'), '0', 'restored rows are no events');
	return;
}

my $expected = 'shop.customers:1000:sign_up shop.orders:1000:login shop.orders:1000:purchase'
  . ' shop.orders:1000:refund:5 shop.visits:11:1001:viewed_item shop.visits:1:1000:viewed_item';

is(capture('postgres'), $expected, 'events where it was declared');
restore_and_look('only_schema', 'schema');
is(capture('only_schema'), $expected, 'the same events');
restore_and_look('whole', 'full');
is(capture('whole'), $expected, 'the same events');
is($cluster->in('whole')->sql('SELECT count(*) FROM shop.orders'), 11, 'and its rows');
restore_and_look('by_inserts', 'inserts', '-j', '2');
is(capture('by_inserts'), $expected, 'the same events');

is($cluster->in($_)->sql("SELECT count(*) FROM ecapi.failed_event"), '0', "nothing was set aside in $_")
  for qw(postgres only_schema whole by_inserts);

# What guards tracks is there, too.
my ($status, undef, $error) = $cluster->in('whole')->try_sql('ALTER TABLE shop.customers DROP COLUMN email');
isnt($status, 0, 'a mapped column cannot be dropped');
like($error, qr/cannot drop column "email" because track/, 'the error says why');
$cluster->in('whole')->sql('ALTER TABLE shop.orders RENAME refunded TO returned');
is($cluster->in('whole')->sql('SELECT count(*) FROM ecapi.track WHERE problem IS NOT NULL'), '0',
	'a renamed column is followed');

$cluster->stop;
done_testing();
