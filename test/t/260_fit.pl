# Predictions, the whole way: an orders table, a track, a fit by the role that owns the
# table, scores, the enrichment that attaches them, and the value in Meta's body at the
# receiver.  The fit runs with the role's rights, says how far it is, and a cancel leaves the
# scores of before.
#
# On the CDNOW log, which ECAPI_PURCHASES names, estimates and errors are compared with
# the published ones (Fader, Hardie and Lee 2005; Fader and Hardie's notes).  Without it
# customers of our own stand in, and that comparison is skipped.
use strict;
use warnings;

use FindBin;
use lib $FindBin::RealBin;

use Digest::SHA qw(sha256_hex);
use EcapiCluster qw(literal);
use EcapiReceiver;
use IPC::Run ();
use PostgreSQL::Test::Utils;
use Test::More;

my $log = $ENV{ECAPI_PURCHASES} // '';
my $token = 'EAABplantedTokenOfMeta';
my $receiver = EcapiReceiver->start(args => [ '--meta-token', $token ]);
my $cluster = EcapiCluster->create(conf => "timezone = 'UTC'\necapi.retention = '60d'\n");

# Of the role that owns the destination, in its own directory.
mkdir $cluster->credentials . '/shop' or die "mkdir: $!";
$cluster->write_credential('shop/meta.token', "$token\n");

# What a role is told: psql's output and notices, by a session of its own.
sub as_role
{
	my ($role, $sql) = @_;
	my ($out, $err) = ('', '');

	IPC::Run::run([ 'psql', '-XAtq', '-v', 'ON_ERROR_STOP=1', '-d', $cluster->connstr('postgres') . " user=$role" ],
		'<', \$sql, '>', \$out, '2>', \$err);
	return ($out, $err);
}

# --- a shop

$cluster->sql(<<'END');
CREATE ROLE shop LOGIN;
CREATE ROLE stranger LOGIN;
CREATE SCHEMA shop AUTHORIZATION shop;
GRANT USAGE ON SCHEMA shop TO stranger;
GRANT USAGE ON SCHEMA ecapi TO shop, stranger;
GRANT EXECUTE ON FUNCTION ecapi.fit, ecapi.history, ecapi.customer, ecapi.digest TO shop, stranger;
GRANT SELECT ON ecapi.model TO shop, stranger;
GRANT USAGE ON FOREIGN DATA WRAPPER ecapi TO shop;
CREATE TABLE shop.orders (id bigserial PRIMARY KEY, customer text, total numeric, currency text, paid_at timestamptz, pieces int);
ALTER TABLE shop.orders OWNER TO shop;
SELECT ecapi.track('shop.orders', 'purchase', mapping => '{"value": "total", "currency_code": "currency",
	"timestamp": "paid_at", "user_data.customer_identifier": "customer",
	"properties.items": "jsonb_build_object(''id'', ''disc'', ''quantity'', new.pieces)"}');
END

# The log as rows: customer, date, dollars, number of discs.
sub real_purchases
{
	my $file = $cluster->basedir . '/orders.copy';

	open my $in, '<', $log or die "$log: $!";
	while (<$in>)
	{
		my (undef, $customer, $date, $pieces, $amount) = split;
		append_to_file($file, join("\t", $customer, $amount, 'USD', $date =~ s/(\d{4})(\d\d)(\d\d)/$1-$2-$3/r, $pieces) . "\n");
	}
	$cluster->sql("SET ecapi.capture = off; COPY shop.orders (customer, total, currency, paid_at, pieces) FROM '$file'");
	return;
}

# Customers who order at a rate of their own until they leave; the same each time.
sub own_purchases
{
	$cluster->sql(<<'END');
SET ecapi.capture = off;
CREATE FUNCTION chance(text) RETURNS float8 LANGUAGE sql RETURN ((hashtextextended($1, 0) & 1048575) + 0.5) / 1048576;
INSERT INTO shop.orders (customer, total, currency, paid_at)
SELECT c, (20 + 60 * chance('spends' || c)) * (0.5 + chance('spent' || c || '-' || n)), 'USD', '1997-01-01'::timestamptz + at * interval '1 day'
FROM (SELECT c, n, 80 * chance('first' || c) AS first, 200 * ln(chance('soon' || c)) / ln(chance('left' || c)) AS stays,
		sum(CASE WHEN n > 0 THEN 60 * ln(chance('gap' || c || '-' || n)) / ln(chance('rate' || c)) ELSE 0 END) OVER w
			+ 80 * chance('first' || c) AS at
	FROM generate_series(1, 1000) c, generate_series(0, 40) n WINDOW w AS (PARTITION BY c ORDER BY n)) o
WHERE at < least(first + stays, 545)
END
	return;
}

-r $log ? real_purchases() : own_purchases();

my $customers = $cluster->sql('SELECT count(DISTINCT customer) FROM shop.orders');
my $last = $cluster->sql('SELECT max(paid_at)::date FROM shop.orders');

note "$customers customers, up to $last";

# --- a fit, by the owner of the table

my ($said, $notices) = as_role('shop', "SELECT ecapi.fit('shop.orders', scores => 'shop.customer_scores', holdout => '39 weeks', digest => true)");

is($said, "1\n", 'a fit by the owner of the table');
like($notices, qr/NOTICE: +fit of table "orders"\nDETAIL: +span .* to \Q$last\E: \d+ orders of $customers customers, in USD\n/, 'it reports the span');
like($notices, qr/^  BG\/NBD, Gamma-Gamma .*^  Pareto\/NBD, Gamma-Gamma .*^  order value as is .*^  same again .*^  mean /ms, 'models beside baselines');
note $notices;
is($cluster->sql('SELECT count(*), bool_and(customer ~ $$^[0-9a-f]{64}$$) FROM shop.customer_scores'), "$customers|t", 'a score a customer, by digest');
is($cluster->sql("SELECT tableowner FROM pg_tables WHERE tablename = 'customer_scores'"), 'shop', "the table is the role's");
is((as_role('shop', 'SELECT count(*) FROM ecapi.model'))[0], "1\n", 'who sees the fit');
is((as_role('stranger', 'SELECT count(*) FROM ecapi.model'))[0], "0\n", 'and nobody else');
like((as_role('stranger', "SELECT ecapi.fit('shop.orders')"))[1], qr/must be owner of table orders/, 'nor may anybody else fit');

# --- the published figures

# An estimate of the calibration, to as many digits after the point.
sub estimate
{
	my ($model, $parameter, $digits) = @_;

	return $cluster->sql("SELECT round((parameters->'calibration'->'$model'->'$parameter'->>'estimate')::numeric, $digits) FROM ecapi.model");
}

sub figure
{
	my ($prediction, $of, $figure) = @_;

	return $cluster->sql("SELECT h.$of->>'$figure' FROM ecapi.model, jsonb_to_recordset(holdout) h (prediction text, orders jsonb, value jsonb)"
		  . " WHERE h.prediction = '$prediction'");
}

# One of the first order and the first week.
sub first_order
{
	my ($prediction, $figure) = @_;

	return $cluster->sql("SELECT first_order->'$prediction'->>'$figure' FROM ecapi.model");
}

SKIP:
{
	skip 'no purchase log is named by ECAPI_PURCHASES', 12 unless -r $log;

	is(join(' ', map { estimate('BG/NBD', @$_) } [ 'r', 3 ], [ 'alpha', 3 ], [ 'a', 3 ], [ 'b', 3 ]), '0.243 4.414 0.793 2.426', 'BG/NBD as published');
	is($cluster->sql("SELECT round((parameters->'calibration'->'BG/NBD'->>'log_likelihood')::numeric, 2) FROM ecapi.model"), '-9582.43', 'with its likelihood');
	is(join(' ', map { estimate('Pareto/NBD', @$_) } [ 'r', 3 ], [ 'alpha', 2 ], [ 's', 3 ], [ 'beta', 2 ]), '0.553 10.58 0.606 11.67', 'Pareto/NBD as published');
	is(join(' ', map { estimate('Gamma-Gamma', @$_) } [ 'p', 2 ], [ 'q', 2 ], [ 'gamma', 1 ]), '6.25 3.74 15.4', 'Gamma-Gamma as published');
	cmp_ok(figure('BG/NBD, Gamma-Gamma', 'orders', 'mae'), '<=', 0.79, 'the mean absolute error in orders');
	cmp_ok(figure('BG/NBD, Gamma-Gamma', 'value', 'mae'), '<=', 30.5, 'and in dollars');
	is($cluster->sql('SELECT model FROM ecapi.model'), 'Pareto/NBD, Gamma-Gamma', 'the better model is chosen');

	cmp_ok(first_order('at the first order', 'gini'), '>', first_order('order value as is', 'gini'), 'customers are in better order at the first order than by its value');
	cmp_ok(first_order('after a week', 'gini'), '>=', 0.41, 'and after a week in the order that was asked for');
	cmp_ok(first_order('after a week', 'gini'), '>', first_order('value so far', 'gini'), 'which is better than by the value so far');
	cmp_ok(abs first_order($_, 'total_error'), '<=', 0.1, "the total $_ is within 10 %") for 'at the first order', 'after a week';
}

# --- attached to an event on its way to Meta

my ($customer, $value) = split /\|/, $cluster->sql(<<'END');
SELECT o.customer, round(s.predicted_lifetime_value::numeric, 2) FROM shop.customer_scores s
	JOIN shop.orders o ON s.customer = ecapi.digest('user_data.customer_identifier', o.customer)
ORDER BY s.predicted_lifetime_value DESC LIMIT 1
END

$cluster->destination('meta', $receiver->url('/meta'), { format => 'meta', data_set_id => 1001, event_types => 'purchase' }, { access_token_file => 'meta.token' });
$cluster->sql('ALTER SERVER meta OWNER TO shop');
$cluster->sql("GRANT EXECUTE ON FUNCTION ecapi.digest TO shop; SET ROLE shop; ALTER SERVER meta OPTIONS (ADD enrich 'shop.customer_scores_patch')");
$cluster->sql("INSERT INTO shop.orders (customer, total, currency, paid_at) VALUES (" . literal($customer) . ", 20, 'USD', now()), ('new', 30, 'USD', now())");
$cluster->drained('meta');
is($cluster->row('meta')->{delivered}, 2, 'both events are delivered');

my %data = map { $_->{user_data}{external_id}[0] => $_ } map { @{ $_->{data} } } $receiver->accepted_bodies('meta');

is($data{ sha256_hex(lc $customer) }{custom_data}{predicted_ltv}, 0 + $value, 'the value is in the body that Meta gets');
ok(!exists $data{ sha256_hex('new') }{custom_data}{predicted_ltv}, 'nothing is made up for a customer without a score');
$cluster->sql("DELETE FROM shop.orders WHERE paid_at > '2020-01-01'");

# --- what came since beside what was expected

# The same history, moved to end twenty days ago.
$cluster->sql(<<'END');
CREATE TABLE shop.recent (LIKE shop.orders INCLUDING ALL);
ALTER TABLE shop.recent OWNER TO shop;
SELECT ecapi.track('shop.recent', 'purchase', mapping => '{"value": "total", "currency_code": "currency",
	"timestamp": "paid_at", "user_data.customer_identifier": "customer"}');
SET ecapi.capture = off;
INSERT INTO shop.recent SELECT id, customer, total, currency, paid_at + (current_date - 20 - (SELECT max(paid_at)::date FROM shop.orders)) * interval '1 day'
FROM shop.orders;
END

sub expect_orders
{
	return $cluster->sql("SELECT count(*) FROM ecapi.check() WHERE severity = 'warning' AND what LIKE '%orders came in table shop.recent from%were expected%'");
}

is(expect_orders(), 0, 'nothing is expected before there is a fit');
as_role('shop', "SELECT ecapi.fit('shop.recent', holdout => '39 weeks')");
is(expect_orders(), 1, 'no order in nineteen days where some were expected is a warning');
$cluster->sql(<<'END');
INSERT INTO shop.recent (customer, total, currency, paid_at)
SELECT 'new-' || n, 20, 'USD', current_date - 19 + n % 19
FROM generate_series(1, (SELECT ceil(19 * orders_a_day)::int FROM ecapi.model ORDER BY fit_id DESC LIMIT 1)) n
END
is(expect_orders(), 0, 'as many as expected are none');
$cluster->sql(<<'END');
INSERT INTO shop.recent (customer, total, currency, paid_at)
SELECT 'more-' || n, 20, 'USD', current_date - 19 + n % 19
FROM generate_series(1, (SELECT ceil(100 * orders_a_day)::int FROM ecapi.model ORDER BY fit_id DESC LIMIT 1)) n
END
is(expect_orders(), 1, 'and many more are one again');

# --- a cancel leaves the scores of before

$cluster->sql(<<'END');
SET ecapi.capture = off;
INSERT INTO shop.orders (customer, total, currency, paid_at)
SELECT 'many-' || i % 100000, 10 + i % 90, 'USD', '1997-01-01'::timestamptz + i % 540 * interval '1 day' FROM generate_series(1, 500000) i
END
my $before = $cluster->sql('SELECT count(*), max(scored_at) FROM shop.customer_scores');

my ($out, $err) = ('', '');
my $fit = IPC::Run::start(
	[ 'psql', '-XAtq', '-d', $cluster->connstr('postgres') . ' user=shop application_name=fit', '-c', "SELECT ecapi.fit('shop.orders', scores => 'shop.customer_scores', force => true)" ],
	'<', \undef, '>', \$out, '2>', \$err);

# as soon as it says how far it is
$cluster->wait_sql("SELECT pg_cancel_backend(pid) FROM ecapi.stat_progress WHERE command = 'fit' AND relation = 'shop.orders'::regclass"
	  . " AND phase IN ('reading features', 'judging models', 'fitting the model') AND total > 0");
eval { $fit->finish };
like($err, qr/ERROR: +canceling statement due to user request/, 'a fit is cancelled');
is($cluster->sql('SELECT count(*), max(scored_at) FROM shop.customer_scores'), $before, 'and the scores are those of before');

$cluster->stop;
$receiver->stop;
done_testing();
