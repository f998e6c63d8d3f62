# What an order is worth, the whole way: the history of a table is fitted, a new order
# leaves with the value that is predicted for its customer, and on day 6, when the customer
# has ordered again and the scores are fitted again, one statement amends all orders whose
# score is due, which Meta gets as appended values.
#
# The server's clock is moved (test/clock/clock.c), and the platform's with it.
use strict;
use warnings;

use FindBin;
use lib $FindBin::RealBin;

use Digest::SHA qw(sha256_hex);
use EcapiClock;
use EcapiCluster;
use EcapiFormats qw(@RECEIVER format_destination write_secrets);
use EcapiReceiver;
use Test::More;

use constant DAY => 86400;

my $clock = EcapiClock->new;
my $receiver = EcapiReceiver->start(args => [@RECEIVER]);
my $cluster = $clock->under(sub { EcapiCluster->create(conf => "timezone = 'UTC'\necapi.retention = '30d'\n") });
my $since = 0;					# accepted requests that were looked at

sub fit { return $cluster->sql("SELECT ecapi.fit('orders', scores => 'public.scores', horizon => '26 weeks')") }

sub score { return $cluster->sql("SELECT round(predicted_lifetime_value::numeric, 2) FROM scores WHERE customer = '$_[0]'") }

sub order
{
	my ($id, $customer, $total) = @_;

	return $cluster->sql("INSERT INTO orders VALUES ('$id', '$customer', $total, now())");
}

# The events that Meta has taken since the last look, by id.
sub taken
{
	my @bodies = $receiver->accepted_bodies('meta');
	my @new = @bodies[ $since .. $#bodies ];

	$since = @bodies;
	return map { $_->{event_id} => $_ } map { @{ $_->{data} } } @new;
}

# --- a shop with a history: customers order at a rate of their own until they leave

$cluster->sql(<<'END');
CREATE TABLE orders (id text PRIMARY KEY, customer text, total numeric, paid_at timestamptz);
CREATE FUNCTION chance(text) RETURNS float8 LANGUAGE sql RETURN ((hashtextextended($1, 0) & 1048575) + 0.5) / 1048576;
INSERT INTO orders
SELECT 'old-' || c || '-' || n, c, round(((20 + 60 * chance('spends' || c)) * (0.5 + chance('spent' || c || '-' || n)))::numeric, 2),
	date_trunc('day', now()) - interval '546 days' + at * interval '1 day'
FROM (SELECT c, n, 80 * chance('first' || c) AS first, 200 * ln(chance('soon' || c)) / ln(chance('left' || c)) AS stays,
		sum(CASE WHEN n > 0 THEN 60 * ln(chance('gap' || c || '-' || n)) / ln(chance('rate' || c)) ELSE 0 END) OVER w
			+ 80 * chance('first' || c) AS at
	FROM generate_series(1, 600) c, generate_series(0, 40) n WINDOW w AS (PARTITION BY c ORDER BY n)) o
WHERE at < least(first + stays, 545);
SELECT ecapi.track('orders', 'purchase', mapping => '{"id": "id", "value": "total", "currency_code": "''EUR''",
	"timestamp": "paid_at", "user_data.customer_identifier": "customer"}');
END
fit();

my $loyal = $cluster->sql('SELECT customer FROM scores ORDER BY predicted_lifetime_value DESC, customer LIMIT 1');
my $lost = $cluster->sql('SELECT customer FROM scores ORDER BY predicted_lifetime_value, customer LIMIT 1');
my %first = map { $_ => score($_) } $loyal, $lost;

cmp_ok($first{$loyal}, '>', 10 * $first{$lost}, 'customers differ in what they are worth');

# --- day 0: orders leave with what is known

# owners' SQL runs as a role of its own, to which the outbox shows who a customer is
$cluster->sql(<<'END');
CREATE ROLE enricher;
GRANT USAGE ON SCHEMA ecapi TO enricher;
GRANT EXECUTE ON FUNCTION ecapi.customer TO enricher;
GRANT SELECT ON orders, scores, ecapi.outbox TO enricher;
ALTER DATABASE postgres SET ecapi.run_as = 'enricher';
END
write_secrets($cluster, 'meta', 'good');
format_destination($cluster, $receiver, 'meta', 'meta', '/meta', enrich => 'public.scores_patch');
order('l-1', $loyal, 40);
order('g-1', $lost, 15);
order('n-1', 'newcomer', 30);
$cluster->drained('meta');

my %day0 = taken();

is(join(' ', sort keys %day0), 'g-1 l-1 n-1', 'three orders arrive');
is($day0{'l-1'}{custom_data}{predicted_ltv}, 0 + $first{$loyal}, 'with the value that is predicted for the customer');
is($day0{'g-1'}{custom_data}{predicted_ltv}, 0 + $first{$lost}, 'and for another one');
ok(!exists $day0{'n-1'}{custom_data}{predicted_ltv}, 'nothing is made up for one without a score');

# --- day 6: they ordered again, and the scores are fitted again

$clock->move(3 * DAY, $receiver);
order('l-2', $loyal, 60);
order('g-2', $lost, 55);
order('g-3', $lost, 65);
order('n-2', 'newcomer', 35);
$cluster->drained('meta');
$clock->move(3 * DAY, $receiver);
taken();
fit();
isnt(score($lost), $first{$lost}, 'a customer who came back is worth something else now');

is($cluster->sql(<<'END'), 3, 'one statement amends all first orders whose score is due');
SELECT count(ecapi.amend(o.id, jsonb_build_object('ext', jsonb_build_object('predicted_ltv', round(s.predicted_lifetime_value::numeric, 2)))))
FROM orders o JOIN scores s USING (customer)
WHERE o.id LIKE '%-1' AND o.paid_at BETWEEN now() - interval '7 days' AND now() - interval '5 days'
END
$cluster->wait_sql("NOT EXISTS (SELECT FROM ecapi.amendment WHERE state = 'open')");
$cluster->drained('meta');

my %appended = map { $_->{original_event_data}{event_id} => $_ } values %{ { taken() } };

is(join(' ', sort keys %appended), 'g-1 l-1 n-1', 'each arrives as a value that is appended to its order');
for my $case ([ 'l-1', $loyal ], [ 'g-1', $lost ], [ 'n-1', 'newcomer' ])
{
	my ($id, $customer) = @$case;

	is($appended{$id}{event_name}, 'AppendValue', "$id: under that name");
	is($appended{$id}{original_event_data}{event_time}, $day0{$id}{event_time}, "$id: of the order of day 0");
	is($appended{$id}{custom_data}{predicted_ltv}, 0 + score($customer), "$id: with the score of day 6");
	is($appended{$id}{user_data}{external_id}[0], sha256_hex($customer), "$id: of the same person");
}
is($cluster->sql('SELECT count(*) FROM ecapi.failed_event'), '0', 'nothing failed');
is($receiver->platforms->{meta}{refused}, 0, 'and no request was refused');

$cluster->stop;
$receiver->stop;
done_testing();
