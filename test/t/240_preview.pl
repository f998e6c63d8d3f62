# A preview shows, byte for byte, what a destination is sent; it sends nothing
# itself but one event to the test url when asked to; it works where nothing is
# delivered; and it holds no secret and no identifier.
use strict;
use warnings;

use FindBin;
use lib $FindBin::RealBin;

use EcapiCluster qw(holds_none literal);
use EcapiReceiver;
use IO::Socket::INET;
use JSON::PP;
use POSIX ();
use PostgreSQL::Test::Utils;
use Test::More;

my $json = JSON::PP->new->utf8->canonical;
my $seed = $ENV{ECAPI_SEED} // int(rand(1_000_000));
my $credentials = PostgreSQL::Test::Utils::tempdir();
my %secret = (token => 'plantedTokenFile', header => 'plantedHeaderFile',
	option => 'plantedTokenOption', header_option => 'plantedHeaderOption');

diag("seed $seed");
srand($seed);
append_to_file("$credentials/a.token", "$secret{token}\n");
append_to_file("$credentials/a.header", "X-Api-Key: $secret{header}\n");

my $receiver = EcapiReceiver->start;
my $cluster = EcapiCluster->create(credentials => $credentials, conf => q(
log_min_messages = debug1
log_error_verbosity = verbose
log_min_error_statement = panic
));

# What psql says to statements, all of it, whatever comes of them.
sub said
{
	my ($sql) = @_;
	my ($status, $out, $error) = $cluster->psql('postgres', "\\set VERBOSITY verbose\n$sql",
		on_error_stop => 0);

	return "$out\n$error";
}

# --- events of many kinds, made of words that must never be shown

# few, so that each has events
my @identifiers = map { "plantedperson$_" } 1 .. 8;

sub some { return $_[ int(rand(@_)) ] }

sub random_event
{
	my ($id) = @_;
	my $person = some(@identifiers);
	my %event = (id => $id, event_type => some(qw(purchase purchase purchase subscribe login)),
		timestamp => 1795000000 + int(rand(100000)),
		user_data => { email_address => "$person\@secret.example", customer_identifier => $person,
			event_ip_address => '203.0.113.' . int(rand(256)),
			event_user_agent => 'Mozilla/5.0 (X11; Linux x86_64; rv:128.0) Gecko/20100101 Firefox/128.0',
			address => { first_name => $person, city => 'Stuttgart', postal_code => '70173', country_code => 'DE' },
			ext => { consent => { ad_user_data => some(JSON::PP::true, JSON::PP::false) } } },
		properties => { transaction_id => $id,
			items => [ map { { id => "sku-$_", price => int(rand(1000)) / 10, quantity => 1 + int(rand(3)) } } 1 .. 1 + int(rand(3)) ] },
		ext => { margin => int(rand(5000)) / 100, segment => some(qw(new loyal)) });

	delete $event{ext}{margin} if rand() < 0.1;
	delete $event{user_data}{ext} if rand() < 0.2;
	$event{ext}{route} = some(qw(de fr)) if rand() < 0.8;
	$event{data_set_id} = 'another' if rand() < 0.1;
	@event{qw(value currency_code)} = (int(rand(100000)) / 100, some(qw(EUR USD)))
	  unless $event{event_type} eq 'login';
	return \%event;
}

# --- destinations with different rules, which wait

my %rules = (
	plain => '',
	wrapped => "batch_wrapper 'events'",
	types => "event_types 'purchase'",
	routed => "route 'de'",
	consenting => "consent 'required'",
	lenient => "consent 'if_present'",
	sampled => "sample '0.5'",
	margin => "value_field 'ext.margin', redact 'ext'",
	scaled => "value_factor '0.25'",
	hidden => "redact 'user_data.address, properties.items.price, user_data.event_ip_address'",
	narrow => "fields 'value, currency_code, user_data.email_address, properties.items.id'",
	coarse => "anonymize 'ip, timestamp, user_agent, postal_code', mmt_only 'true'",
	recent => "max_age '1s'",
	enriched => "enrich 'public.share, public.segment'",
	chosen => "enrich 'public.share', filter 'value > 100 and route = ''de'''",
);
my @names = sort keys %rules;

$cluster->sql(<<'END');
CREATE ROLE enricher;
GRANT USAGE ON SCHEMA ecapi TO enricher;
CREATE FUNCTION public.share(page ecapi.event[]) RETURNS TABLE (seq bigint, patch jsonb) STABLE
BEGIN ATOMIC
    SELECT e.seq, jsonb_build_object('value', e.value * 0.3, 'source', 'website')
    FROM unnest(page) e WHERE e.value IS NOT NULL;
END;
CREATE FUNCTION public.segment(page ecapi.event[]) RETURNS TABLE (seq bigint, patch jsonb) STABLE
BEGIN ATOMIC
    SELECT e.seq, jsonb_build_object('ext', jsonb_build_object('segment', null, 'large', e.value > 100),
        'user_data', jsonb_build_object('address', '[{"country_code": "FR", "postal_code": "75001"}]'::jsonb))
    FROM unnest(page) e;
END;
ALTER FUNCTION public.share OWNER TO enricher;
ALTER FUNCTION public.segment OWNER TO enricher;
END
for my $name (@names)
{
	$cluster->destination($name, $receiver->url("/$name"), join(', ', "batch_size '" . ($name eq 'wrapped' ? 3 : 1) . "'", "max_in_flight '1'",
			$rules{$name} || ()), { access_token_file => 'a.token', header_file => 'a.header' });
}
$cluster->sql('SELECT ecapi.pause(srvname) FROM pg_foreign_server');
$cluster->wait_state($_, 'paused') for @names;
my $began = $cluster->sql('SELECT clock_timestamp()');
my %event = map { ("e-$_" => random_event("e-$_")) } 1 .. 60;
for my $id (sort keys %event)
{
	$cluster->sql('SELECT ecapi_emit(event => ' . literal($json->encode($event{$id})) . ')');
}

$cluster->sql("SELECT ecapi.cancel('e-3'), ecapi.cancel('e-4')");
cmp_ok($cluster->sql("SELECT count(*) FROM ecapi.forget('$identifiers[0]\@secret.example')"), '>=', 0,
	'a person is forgotten');
cmp_ok($cluster->sql("SELECT count(*) FROM ecapi.outbox WHERE (event->>'erased')::boolean"), '>', 0,
	'and had events that wait');

# --- what each would be sent, one by one, and in sum

my (%body, %counts, %next);
for my $name (@names)
{
	for (split /\n/, $cluster->sql("SELECT event_id, decision, coalesce(body, '') FROM ecapi.outbox o,"
			  . " ecapi.preview('$name', ecapi_internal.event_id(o.event)) ORDER BY o.seq"))
	{
		my ($id, $decision, $body) = split /\|/, $_, 3;

		$body{$name}{$id} = $body if $decision eq 'send';
	}
	$counts{$name} = $cluster->sql("SELECT CASE WHEN reason = 'erased' THEN reason WHEN decision = 'send' THEN 'delivered'"
		  . " WHEN decision = 'unfit' THEN 'failed' ELSE decision END, nullif(reason, 'erased'), event_type, sum(events) FROM ecapi.preview('$name', since => '$began')"
		  . ' GROUP BY 1, 2, 3 ORDER BY 1, 2, 3');
	$next{$name} = $cluster->sql("SELECT body FROM ecapi.preview('$name') WHERE decision = 'send'");
}
cmp_ok(scalar(keys %{ $body{plain} }), '>', 20, 'many of the random events would be sent to a destination without rules');
cmp_ok(scalar(keys %{ $body{$_} }), '<', scalar(keys %{ $body{plain} }), "fewer to $_")
  for qw(types routed consenting lenient sampled chosen);
is(scalar(keys %{ $body{recent} // {} }), 0, 'none to one that takes recent ones only');
is($receiver->stats->{requests}, 0, 'nothing was sent');
is($cluster->sql('SELECT count(*) FROM ecapi.request'), 0, 'nothing was recorded');

$cluster->sql('SELECT ecapi.resume(srvname) FROM pg_foreign_server');
$cluster->drained($_) for @names;
my @records = $receiver->records;
my @texts = $receiver->events;
my (%got, %in_order);
for my $i (0 .. $#records)
{
	my $name = $records[$i]{path} =~ s{^/}{}r;

	$got{$name}{ $records[$i]{id} } = $texts[$i];
	push @{ $in_order{$name} }, $texts[$i];
}
for my $name (@names)
{
	my %expected = %{ $body{$name} // {} };

	s/^\{"events":\[(.*)\]\}\z/$1/ for grep { $name eq 'wrapped' } values %expected;
	is_deeply($got{$name} // {}, \%expected, "$name was sent what the preview showed, byte for byte");
	is($counts{$name}, $cluster->sql("SELECT outcome, reason, event_type, sum(events) FROM ecapi.ledger"
			  . " WHERE destination = '$name' GROUP BY 1, 2, 3 ORDER BY 1, 2, 3"),
		"$name: counts by decision and reason are those of the ledger");
}
is($next{plain}, $in_order{plain}[0], 'the next request of one event');
is($next{wrapped}, '{"events":[' . join(',', @{ $in_order{wrapped} }[ 0 .. 2 ]) . ']}',
	'the next request of three');
is($cluster->sql("SELECT count(*) FROM ecapi.preview('plain')"), 0, 'nothing waits any more');

# --- sending one event in test mode

delete $event{'e-1'}{data_set_id};
my $given = $json->encode({ %{ $event{'e-1'} }, event_type => 'purchase', id => 'tested', value => 1,
	currency_code => 'EUR' });

sub tested
{
	my ($columns, $name) = @_;

	return $cluster->sql("SELECT $columns FROM ecapi.preview('" . ($name // 'proving') . "', event => "
		  . literal($given) . ', send => true)');
}

$cluster->destination('proving', $receiver->url('/live'), "mode 'shadow', test_url '" . $receiver->url('/test') . "'", { access_token_file => 'a.token', header_file => 'a.header' });
$receiver->reset;
like(tested('concat_ws(E\'\t\', status, answer, url)'), qr{^200\t\{"received":1\}\s*\thttp://127\.0\.0\.1:\d+/test$},
	'sent in test mode, and answered');
my @requests = $receiver->requests;
is(join(' ', map { $_->{path} } @requests), '/test', 'one request, to the test url');
is($requests[0]{authorization}, 'present', 'with the token');
my %sent = map { $_ => 1 } split /,/, $requests[0]{headers};
my @shown = map { lc } map { /^([\w-]+):/ } split /\n/, tested('headers');
is_deeply([ grep { !$sent{$_} } @shown ], [], 'it had the headers that are shown: ' . join(' ', @shown));
is_deeply([ sort grep { !/^(host|accept-encoding|content-length)$/ } keys %sent ], [ sort @shown ],
	'and no others but those of the connection');
$receiver->reset;
my $shown = tested('body');
is('[' . ($receiver->events)[0] . ']', $shown, 'what arrived is what is shown');
is($cluster->sql("SELECT count(*) FROM ecapi.request WHERE destination = 'proving'"), 0,
	'it is in no log, for it is no conversion');
is($cluster->sql("SELECT decision, status, body FROM ecapi.preview('proving', event => '{\"event_type\": \"purchas\"}',"
		  . ' send => true)'), 'refused||', 'what is refused is not sent');

for my $case ([ '/test/status=401/echo', '^401\t\{"error"' ], [ '/test/garbage', '^200\t' ],
	[ '/test/huge=300000', '^200\t' ], [ '/test/cut=before', '^\t?\w' ])
{
	$cluster->sql("ALTER SERVER proving OPTIONS (SET test_url '" . $receiver->url($case->[0]) . "')");
	like(tested("coalesce(status::text, '') || E'\\t' || answer"), qr/$case->[1]/, "answer of $case->[0]");
	cmp_ok(tested('octet_length(answer)'), '<=', 2048, 'it is bounded');
}
$cluster->sql("ALTER SERVER proving OPTIONS (SET test_url 'http://127.0.0.1:1/')");
like(tested("coalesce(status::text, 'none') || ': ' || answer"), qr/^none: could not connect/,
	'no connection is told');

# A wait is cancelled, and the session goes on.
$cluster->sql("ALTER SERVER proving OPTIONS (SET test_url '" . $receiver->url('/slow/delay=600000') . "')");
$cluster->destination('quick', $receiver->url('/live'), "mode 'shadow', test_url '"
	  . $receiver->url('/quick') . "'");
like(said("SET statement_timeout = '300ms';"
		  . "SELECT status FROM ecapi.preview('proving', event => '{\"event_type\": \"login\"}', send => true);"
		  . "SET statement_timeout = 0;"
		  . "SELECT 'then ' || status FROM ecapi.preview('quick', event => '{\"event_type\": \"login\"}', send => true);"),
	qr/then 200.*canceling statement due to statement timeout/s, 'a cancel ends the wait, not the session');

# --- secrets: a receiver that repeats what it got

my $parrot = IO::Socket::INET->new(Listen => 5, LocalAddr => '127.0.0.1', Proto => 'tcp') or die "listen: $!";
my $parrot_url = 'http://127.0.0.1:' . $parrot->sockport . '/';
my $parrot_pid = fork() // die "fork: $!";
if ($parrot_pid == 0)
{
	# the server's module ends the test's servers at this signal in newer versions
	$SIG{TERM} = 'DEFAULT';
	while (my $client = $parrot->accept)
	{
		my $text = '';

		while (defined(my $line = <$client>))
		{
			last if $line =~ /^\r?\n\z/;
			$text .= $line;
		}
		read($client, my $rest, $1) if $text =~ /^content-length: (\d+)/im;
		print $client "HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: " . length($text) . "\r\n\r\n$text";
		close $client;
	}
	POSIX::_exit(0);
}
close $parrot;

my $all = '';
for my $mapping ("access_token_file 'a.token', header_file 'a.header'",
	"access_token '$secret{option}', header 'X-Api-Key: $secret{header_option}'",
	"access_token_file 'absent', header 'X-Api-Key: $secret{header_option}'")
{
	$cluster->sql('DROP SERVER IF EXISTS telling CASCADE');
	$cluster->destination('telling', $receiver->url('/telling'), { batch_size => 10, test_url => "$parrot_url" }, $mapping);
	$cluster->pause('telling');
	$cluster->sql('SELECT ecapi_emit(event => ' . literal($json->encode(random_event("t-$_"))) . ')') for 1 .. 20;
	$all .= said("SELECT * FROM ecapi.preview('telling');"
		  . "SELECT p.* FROM ecapi.outbox o, ecapi.preview('telling', ecapi_internal.event_id(o.event)) p;"
		  . "SELECT p.* FROM ecapi.outbox o, ecapi.preview('telling', o.event::jsonb) p;"
		  . "SELECT * FROM ecapi.preview('telling', since => '-infinity', until => 'infinity');"
		  . "SELECT * FROM ecapi.preview('telling', event => " . literal($given) . ', send => true);'
		  # what is wrong, or no id, is not repeated
		  . "SELECT * FROM ecapi.preview('telling', " . literal($given) . ');'
		  . "SELECT * FROM ecapi.preview('telling', event => '{\"event_type\": \"login\", \"$identifiers[0]\@secret.example\": 1,"
		  . " \"user_data\": {\"email_address\": {\"x\": \"$identifiers[1]\"}}}');");
}
like($all, qr/Authorization: Bearer \*\*\*/, 'a token is shown by its place');
like($all, qr/X-Api-Key: \*\*\*/, 'and so is a header');
like($all, qr/authorization: Bearer \*\*\*/i, 'in what a receiver repeats, too');
like($all, qr/the request could not be sent as it is: .*"absent"/, 'a missing credential file is reported');
like($all, qr/no event has this id/, 'what was looked for is not repeated');
holds_none($all, [ values %secret ], 'no preview holds a secret');
holds_none($all, [ 'secret.example', map { "$_\"" } @identifiers ], 'or an identifier');

# --- where nothing is delivered

$cluster->sql('ALTER SYSTEM SET ecapi.delivery = off; SELECT pg_reload_conf()');
$cluster->wait_sql("SELECT current_setting('ecapi.delivery') = 'off'", 'delivery is off');
like($cluster->refused("SELECT * FROM ecapi.preview('quick', event => '{\"event_type\": \"login\"}', send => true)"),
	qr/"ecapi.delivery" is off/, 'not even a test is sent while delivery is off');
is($cluster->sql("SELECT decision FROM ecapi.preview('quick', event => '{\"event_type\": \"login\"}')"), 'send',
	'but it is shown');

my $bare = EcapiCluster->create(name => 'bare', preload => 0);
$bare->destination('shop', $receiver->url('/bare'), { batch_size => 1 });
$bare->emit('b-', 1, 3);
is($bare->sql("SELECT ids, body ~ '\"id\":\"b-1\"' FROM ecapi.preview('shop')"), '{b-1}|t',
	'without shared_preload_libraries there is a preview');
is($bare->sql("SELECT decision, events, value FROM ecapi.preview('shop', since => '-infinity')"), 'send|3|6',
	'and counts');

# --- advice on identifiers waits for no lock, also not of a table that a foreign key leads to

$bare->sql('CREATE TABLE customers (id int PRIMARY KEY, email text);'
	  . 'CREATE TABLE orders (id int PRIMARY KEY, total numeric, customer_id int REFERENCES customers);'
	  . q(SELECT ecapi.track('orders', 'purchase', '{"value": "total", "currency_code": "''EUR''"}');)
	  . 'INSERT INTO orders VALUES (1, 5, NULL)');

my $advice = "SELECT coalesce(bool_or(advice LIKE '%customer_id.email%'), false) FROM ecapi.match_quality('shop')";
is($bare->sql($advice), 't', 'a foreign key leads to an address');

my $locker = $bare->background([ $bare->installed_command('psql'), '-X', '-d', $bare->connstr('postgres'), '-c',
		'BEGIN; LOCK TABLE customers IN ACCESS EXCLUSIVE MODE; SELECT pg_sleep(600)' ]);

$bare->wait_sql("SELECT count(*) = 1 FROM pg_locks WHERE relation = 'customers'::regclass AND mode = 'AccessExclusiveLock' AND granted", 'its table is locked');
is($bare->sql("SET statement_timeout = '100s'; BEGIN; $advice; SELECT count(*) FROM pg_locks WHERE relation = 'orders'::regclass AND pid = pg_backend_pid(); COMMIT"),
	"f\n0", 'it is passed over, and no lock is kept');
$bare->end_background($locker);

kill 'TERM', $parrot_pid;
waitpid($parrot_pid, 0);
$bare->stop;
$cluster->stop;
holds_none($cluster->log_text, [ values %secret, 'secret.example', map { "$_\"" } @identifiers ],
	'the log at debug1 holds none of them');
done_testing();
