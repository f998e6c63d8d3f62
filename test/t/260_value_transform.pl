# What a destination with value_transform is told: the bodies of the preview, byte for
# byte; no whale, no price and no true value beside it; totals that stay right; and nothing
# at all before its values were measured.
use strict;
use warnings;

use FindBin;
use lib $FindBin::RealBin;

use EcapiCluster qw(holds_none literal);
use EcapiReceiver;
use JSON::PP;
use List::Util qw(max sum0);
use Test::More;

my $json = JSON::PP->new->utf8->canonical;
my $seed = $ENV{ECAPI_SEED} // int(rand(1_000_000));

diag("seed $seed");
srand($seed);

my $receiver = EcapiReceiver->start;
my $cluster = EcapiCluster->create(conf => 'log_min_messages = debug1');
my $next = 0;

# An order of some cents, with prices that add up to it.
sub order
{
	my ($prefix, $cents, %more) = @_;
	my $amount = sprintf('%.2f', $cents / 100);
	my $id = "$prefix-" . ++$next;

	return { id => $id, event_type => 'purchase', value => $amount + 0, currency_code => 'EUR',
		properties => { tax => $amount * 0.19, items => [ { id => 'sku-1', price => $amount + 0, quantity => 1 } ] },
		ext => { margin => $amount / 4 }, %more };
}

sub emit
{
	my (@events) = @_;

	$cluster->sql('SELECT count(ecapi_emit(event => e)) FROM jsonb_array_elements('
		  . literal($json->encode(\@events)) . ') e');
	return @events;
}

# What came for a destination, by id: decoded, and as bytes.
sub received
{
	my ($name) = @_;
	my @records = $receiver->records;
	my @texts = $receiver->events;

	return { map { $records[$_]{id} => $texts[$_] } grep { $records[$_]{path} eq "/$name" } 0 .. $#records };
}

sub cents { return sprintf('%.0f', $_[0] * 100) }

# The body that a preview shows of each event, without the brackets.
sub previewed
{
	my ($name, @ids) = @_;

	return { map { split /\|/, $_, 2 }
		  split /\n/, $cluster->sql("SELECT i, trim(p.body, '[]') FROM unnest('{" . join(',', @ids)
			  . "}'::text[]) i, ecapi.preview('$name', i) p WHERE p.decision = 'send'") };
}

# --- without a measurement nothing leaves

my %rules = (
	capped => "value_transform 'cap 95%'",
	bucketed => "value_transform 'buckets 10'",
	margins => "value_field 'ext.margin', value_transform 'buckets 4', value_factor '0.5'",
	logged => "value_transform 'log', value_factor '100'",
);

$cluster->destination($_, $receiver->url("/$_"), "batch_size '1', $rules{$_}") for sort keys %rules;
my @orders = emit(map { order('o', 100 + int(rand(20_000))) } 1 .. 397);
my @whales = emit(map { order('whale', 777_777_777 + $_) } 1 .. 3);
my %cents = map { $_->{id} => cents($_->{value}) } @orders, @whales;

for my $name (qw(capped bucketed margins))
{
	$cluster->stopped($name, 'value_transform has no measurement: call ecapi.measure_values()');
	is($cluster->sql("SELECT what_to_do FROM ecapi.check() WHERE what LIKE 'destination \"$name\" is stopped%'"),
		"SELECT * FROM ecapi.measure_values('$name').", "$name: the doctor says what to call");
}
$cluster->drained('logged');
is(scalar(keys %{ received($_) }), 0, "$_: nothing has left") for qw(capped bucketed margins);

# --- measured, it starts by itself, and sends what the preview shows

my %seen;
for my $name (sort keys %rules)
{
	$cluster->sql("SELECT count(*) FROM ecapi.measure_values('$name')") if $name ne 'logged';
	$cluster->drained($name);
	$seen{$name} = received($name);
	is(scalar(keys %{ $seen{$name} }), 400, "$name: all of it has left");
	is_deeply(previewed($name, keys %cents), $seen{$name}, "$name: as the preview shows it, byte for byte");
	my @amounts = grep { /"(?:price|tax)"/ || ($name eq 'margins' && /"margin"/) } values %{ $seen{$name} };
	is(scalar(@amounts), 0, "$name: no amount that tells the value has left");
	holds_none(join("\n", values %{ $seen{$name} }), ['7777777'], "$name: no whale has left");
}

my %sent = map { my $name = $_; ($name => { map { $_ => cents($json->decode($seen{$name}{$_})->{value}) } keys %{ $seen{$name} } }) } keys %seen;
my @sorted = sort { $a <=> $b } values %cents;
my $cap = $sorted[379];
is_deeply($sent{capped}, { map { $_ => $cents{$_} > $cap ? $cap : $cents{$_} } keys %cents },
	'capped: what is above the 380th of 400 values leaves as it, the rest as it is');
cmp_ok(abs(sum0(values %{ $sent{bucketed} }) - sum0(values %cents)), '<=', 400 / 2,
	'bucketed: the total stays right but for half a cent an event');
my %values = map { $_ => 1 } values %{ $sent{bucketed} };
is(scalar(keys %values), 10, 'ten buckets have ten values');
cmp_ok(abs(sum0(values %{ $sent{margins} }) - sum0(map { $_ / 8 } values %cents)), '<=', 400,
	'margins: half of the margins, in sum');
is_deeply($sent{logged}, { map { $_ => cents(sprintf('%.2f', 100 * log(1 + $cents{$_} / 100))) } keys %cents },
	'logged: the logarithm of each');
# a sum of several rows may end with a zero
is($cluster->sql("SELECT trim_scale(sum(value)) FROM ecapi.ledger WHERE destination = 'capped' AND outcome = 'delivered'"),
	$cluster->sql("SELECT trim_scale(sum((event->>'value')::numeric)) FROM ecapi.outbox"), 'the ledger counts what orders were worth');
is($cluster->sql("SELECT trim_scale(value) FROM ecapi.preview('capped', since => '-infinity') WHERE decision = 'send'") * 100,
	sum0(values %{ $sent{capped} }), 'a preview in sum counts what leaves');

# --- what is not known, and what cannot be told, is counted

emit(order('chf', 500, currency_code => 'CHF'), order('sub', 500, event_type => 'subscribe'),
	order('refund', 500, event_type => 'refund'), order('free', 0, value => undef), order('new', 900_000_000));
$cluster->drained(sort keys %rules);
is($cluster->sql("SELECT reason, sum(events) FROM ecapi.ledger WHERE destination = 'capped' AND outcome = 'filtered' GROUP BY 1 ORDER BY 1"),
	"refund of a transformed value|1\nvalue not measured|2", 'with a reason each');
is($cluster->sql("SELECT severity, what FROM ecapi.check() WHERE what LIKE '%\"capped\"%' AND severity = 'warning'"),
	'warning|destination "capped" did not take 2 events of the last day: values of their type and currency are not measured',
	'the doctor tells of it');
my ($new) = grep { /^new-/ } keys %{ received('capped') };
is(cents($json->decode(received('capped')->{$new})->{value}), $cap, 'a new whale is capped, too');
is(scalar(grep { /^(?:chf|sub|refund)-/ } keys %{ received('capped') }), 0, 'what is not known has not left');
is(scalar(grep { /^free-/ } keys %{ received('capped') }), 1, 'what has no value has');

# --- an order that is cancelled is not refunded beyond what was told

$cluster->sql("SELECT ecapi.cancel('$whales[0]{id}')");
$cluster->wait_sql("SELECT state = 'refunded' FROM ecapi.cancellation");
$cluster->drained('capped');
is(scalar(grep { /refund/ } values %{ received('capped') }), 0, 'no refund of a whale leaves');
is($cluster->sql("SELECT events FROM ecapi.ledger WHERE destination = 'capped' AND reason = 'refund of a transformed value'"),
	2, 'and it is counted');

# --- other options are another question; a change and its measurement are one transaction

$cluster->alter('bucketed', value_transform => 'buckets 20');
emit(order('late', 5000));
$cluster->stopped('bucketed', 'value_transform has no measurement%');
is($cluster->sql("SELECT decision, reason FROM ecapi.preview('bucketed', (SELECT ecapi_internal.event_id(event) FROM ecapi.outbox ORDER BY seq DESC LIMIT 1))"),
	'held|value_transform has no measurement: call ecapi.measure_values()', 'the preview says so, too');
like($cluster->refused("SELECT ecapi.measure_values('bucketed', since => now() + interval '1 day')"),
	qr/It takes 200 events of one event type and currency; there are 0 at most/, 'too few events');
$cluster->sql("BEGIN; ALTER SERVER bucketed OPTIONS (SET value_transform 'buckets 8');"
	  . " SELECT count(*) FROM ecapi.measure_values('bucketed'); COMMIT");
$cluster->drained('bucketed');
my ($late) = grep { /^late-/ } keys %{ received('bucketed') };
is_deeply({ $late => received('bucketed')->{$late} }, previewed('bucketed', $late), 'it goes on as the preview shows');
my %eight = map { $_ => 1 } split /\n/, $cluster->sql("SELECT round(a, 2) FROM ecapi.value_measure m, unnest(m.amounts) a"
	  . " WHERE destination = 'bucketed' AND currency = 'EUR' AND event_type = 'purchase'");
is(scalar(keys %eight), 8, 'with eight means');
ok((grep { $_ == $json->decode(received('bucketed')->{$late})->{value} } keys %eight), 'one of which was sent');

# --- a measurement outlives a crash and a rename, and is gone with its destination

$cluster->crash;
$cluster->wait_worker;
emit(order('after', 900_000_000));
$cluster->drained(sort keys %rules);
my ($after) = grep { /^after-/ } keys %{ received('capped') };
is(cents($json->decode(received('capped')->{$after})->{value}), $cap, 'after a crash whales are capped');
$cluster->sql("SET session_replication_role = replica; ALTER SERVER capped RENAME TO \"renamed\"");
$cluster->drained('renamed');
emit(order('renamed', 900_000_000));
$cluster->drained('renamed');
my ($renamed) = grep { /^renamed-/ } keys %{ received('capped') };
is(cents($json->decode(received('capped')->{$renamed})->{value}), $cap, 'after a rename that no event trigger saw, too');
$cluster->sql('SET session_replication_role = replica; DROP SERVER renamed');
$cluster->wait_sql("NOT EXISTS (SELECT FROM ecapi.value_measure WHERE destination IN ('capped', 'renamed'))");

# --- a call can be cancelled

like($cluster->refused("SET statement_timeout = '1ms'; SELECT count(*) FROM ecapi.measure_values('bucketed'), generate_series(1, 1000000)"),
	qr/canceling statement due to statement timeout/, 'it can be cancelled');

# --- eligibility, of values as they leave

is($cluster->sql("SELECT met FROM ecapi.value_eligibility('bucketed')"), '', 'nothing is known of this format');
$cluster->sql("CREATE SERVER meta FOREIGN DATA WRAPPER ecapi OPTIONS (format 'meta', data_set_id '1', mode 'shadow')");
my %web = (source => 'website', user_data => { email_address => 'ann@example.com', event_user_agent => 'Mozilla/5.0' });
emit(map { my $order = order('meta', 100 * $_, %web); $order->{properties}{page_url} = 'https://shop.example/thanks'; $order } 1 .. 60);
sub met
{
	return $cluster->sql("SELECT string_agg(coalesce(met::text, 'unknown'), ' ' ORDER BY n) FROM ecapi.value_eligibility('meta')"
		  . ' WITH ORDINALITY AS e(platform, event_type, currency, rule, measured, met, source, n)');
}
is(met(), 'true true true true unknown true', 'sixty orders of 1 to 60 euros, in a part of the week');
$cluster->sql("ALTER SERVER meta OPTIONS (ADD value_transform 'buckets 2', ADD route 'nowhere')");
like($cluster->refused("SELECT ecapi.value_eligibility('meta')"), qr/call ecapi.measure_values\(\)/, 'not without a measurement');
$cluster->sql("ALTER SERVER meta OPTIONS (DROP route); SELECT ecapi.measure_values('meta')");
is(met(), 'true false true false unknown true', 'two means are too few different values, and lie too near');

# --- quantiles are those that SQL finds, of values with many equals and a long tail

my $shape = $seed / 1_000_000;
$cluster->sql(<<"END");
SELECT setseed($shape);
CREATE TABLE amounts AS SELECT round(CASE WHEN random() < 0.4 THEN floor(random() * 4) ELSE exp(random() * 14) - 5 END::numeric, 2) AS amount
FROM generate_series(1, 3000);
SELECT count(ecapi_emit('subscribe', value => amount, currency_code => 'USD', ext => '{"route": "random"}')) FROM amounts;
END
for my $transform ('buckets 2', 'buckets 7', 'buckets 100', 'cap 50%', 'cap 97.5%', 'cap 99.66%')
{
	my ($buckets) = $transform =~ /buckets (\d+)/;
	my ($share) = $transform =~ /cap (.*)%/;
	my $cap = defined $share ? sprintf('%.0f', $share * 100) : 0;
	my $ranked = 'WITH r AS (SELECT amount, row_number() OVER (ORDER BY amount) AS rank FROM amounts)';
	my $expected = $buckets
	  ? "$ranked, e AS (SELECT DISTINCT r.amount AS bound FROM generate_series(1, $buckets) i JOIN r ON r.rank = (i * 3000 + $buckets - 1) / $buckets),"
	  . ' b AS (SELECT lag(bound) OVER (ORDER BY bound) AS low, bound FROM e)'
	  . ' SELECT array_agg((SELECT avg(amount) FROM amounts WHERE (low IS NULL OR amount > low) AND amount <= bound) ORDER BY bound) FROM b'
	  : "$ranked SELECT ARRAY[r.amount] FROM r WHERE r.rank = ($cap * 3000 + 9999) / 10000";

	$cluster->sql("DROP SERVER IF EXISTS random; CREATE SERVER random FOREIGN DATA WRAPPER ecapi OPTIONS (url '"
		  . $receiver->url('/random') . "', data_set_id 'random', mode 'shadow', route 'random', value_transform '$transform')");
	is($cluster->sql("SELECT amounts = ($expected) FROM ecapi.measure_values('random')"), 't', "$transform: as SQL finds it");
}

# --- what is logged

holds_none($cluster->log_text, ['7777777', 'sku-1'], 'the log holds no value');

done_testing();
