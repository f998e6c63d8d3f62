# Predictions are made again every night: the manual's line for pg_cron is scheduled by the
# role that owns the orders, in the real extension, and two nights pass.
#
# The server's clock is moved (test/clock/clock.c) to shortly before the time that the line
# names.
use strict;
use warnings;

use Cwd qw(abs_path);
use File::Basename qw(dirname);
use FindBin;
use lib $FindBin::RealBin;

use EcapiClock;
use EcapiCluster;
use PostgreSQL::Test::Utils;
use Test::More;

use constant DAY => 86400;

my ($share) = run_command([ 'pg_config', '--sharedir' ]);

plan skip_all => 'needs the package postgresql-15-cron' unless -e "$share/extension/pg_cron.control";

my $page = slurp_file(dirname(abs_path(__FILE__)) . '/../../doc/predictions.md');
my ($preload) = $page =~ /`(shared_preload_libraries = '[^`]*pg_cron[^`]*')`/;
my ($schedule) = $page =~ /`(SELECT cron\.schedule\([^`]*\))`/;
my ($at) = ($schedule // '') =~ /'(\d+ \d+) \* \* \*'/;

ok(defined $preload, 'the manual has a line of settings');
ok(defined $at, 'and one that schedules the fit for a time of each day');

my $clock = EcapiClock->new;
my $cluster = $clock->under(sub {
	# in worker processes, for there is no address that pg_cron could connect to
	EcapiCluster->create(conf => "$preload\ncron.use_background_workers = on\ntimezone = 'UTC'\n");
});

# --- a shop with a history: customers order at a rate of their own until they leave

$cluster->sql(<<'END');
CREATE EXTENSION pg_cron;
CREATE ROLE shop LOGIN;
CREATE SCHEMA shop AUTHORIZATION shop;
GRANT USAGE ON SCHEMA ecapi, cron TO shop;
GRANT EXECUTE ON FUNCTION ecapi.fit, ecapi.history, ecapi.customer, ecapi.digest TO shop;
GRANT SELECT ON ecapi.model TO shop;
CREATE TABLE shop.orders (id text PRIMARY KEY, customer text, total numeric, paid_at timestamptz);
ALTER TABLE shop.orders OWNER TO shop;
CREATE FUNCTION chance(text) RETURNS float8 LANGUAGE sql RETURN ((hashtextextended($1, 0) & 1048575) + 0.5) / 1048576;
INSERT INTO shop.orders
SELECT c || '-' || n, c, round(((20 + 60 * chance('spends' || c)) * (0.5 + chance('spent' || c || '-' || n)))::numeric, 2),
	'2025-01-01'::timestamptz + at * interval '1 day'
FROM (SELECT c, n, 80 * chance('first' || c) AS first, 200 * ln(chance('soon' || c)) / ln(chance('left' || c)) AS stays,
		sum(CASE WHEN n > 0 THEN 60 * ln(chance('gap' || c || '-' || n)) / ln(chance('rate' || c)) ELSE 0 END) OVER w
			+ 80 * chance('first' || c) AS at
	FROM generate_series(1, 300) c, generate_series(0, 40) n WINDOW w AS (PARTITION BY c ORDER BY n)) o
WHERE at < least(first + stays, 545);
SELECT ecapi.track('shop.orders', 'purchase', mapping => '{"id": "id", "value": "total", "currency_code": "''EUR''",
	"timestamp": "paid_at", "user_data.customer_identifier": "customer"}');
END

# --- scheduled by its owner

# Move the clock to two seconds before the next time of a day, in seconds since midnight.
sub shortly_before
{
	my ($time) = @_;
	my $now = $cluster->sql('SELECT extract(epoch FROM clock_timestamp())::bigint');

	return $clock->move(($time - 2 - $now) % DAY);
}

my ($minute, $hour) = split / /, $at;
my $night = 3600 * $hour + 60 * $minute;

# far from that time, until pg_cron has read its jobs: it runs another one
shortly_before(($night + DAY / 2) % DAY);
$cluster->sql("SET ROLE shop; $schedule; SELECT cron.schedule('ready', '* * * * *', 'SELECT 1')");
is($cluster->sql("SELECT username FROM cron.job WHERE jobname = 'customer scores'"), 'shop', 'pg_cron takes the line from the owner of the table');
$cluster->wait_sql("EXISTS (SELECT FROM cron.job_run_details WHERE command = 'SELECT 1' AND status = 'succeeded')");

# --- two nights

# The fit of a night has succeeded.
sub fitted
{
	my ($night) = @_;

	$cluster->wait_sql("SELECT count(*) = $night FROM cron.job_run_details WHERE command LIKE '%ecapi.fit%' AND status IN ('succeeded', 'failed')");
	is($cluster->sql("SELECT string_agg(DISTINCT status, ' ') FROM cron.job_run_details WHERE command LIKE '%ecapi.fit%'"), 'succeeded', "night $night: the fit succeeds");
	return $cluster->sql('SELECT count(*), min(scored_at) = max(scored_at), max(scored_at) FROM shop.customer_scores');
}

shortly_before($night);
my ($scores, $once, $first) = split /\|/, fitted(1);

is("$scores $once", '300 t', 'there is a score for each customer');
is($cluster->sql('SELECT fitted_by, replaced FROM ecapi.model'), 'shop|t', 'by the role that scheduled it');
shortly_before($night);
my ($again, undef, $second) = split /\|/, fitted(2);

is($again, 300, 'the night after there are as many');
is($cluster->sql("SELECT '$second'::timestamptz - '$first'::timestamptz BETWEEN '23 hours' AND '25 hours'"), 't', 'which are of that night');

$cluster->stop;
done_testing();
