# Planted secrets, and identifiers of customers, turn up nowhere: not in the
# server's log at its most talkative, not in a view, not in pg_stat_activity,
# not in what an error, a warning or a failing receiver leaves behind.
#
# PostgreSQL itself logs the text of failed statements
# (log_min_error_statement); that is switched off here, for our own messages
# are what is looked at.
use strict;
use warnings;

use FindBin;
use lib $FindBin::RealBin;

use EcapiCluster qw(holds_none literal);
use EcapiReceiver;
use IO::Socket::INET;
use JSON::PP;
use MIME::Base64;
use POSIX ();
use PostgreSQL::Test::Utils;
use Test::More;

my $json = JSON::PP->new->utf8->canonical;
my @secrets;

# --- what is planted

# An identifier for each field that the field table hashes.
my %place = (
	USER_DATA => sub { $_[0]->{user_data} //= {} },
	UIDS => sub { $_[0]->{user_data}{uids}[0] //= {} },
	ADDRESS => sub { $_[0]->{user_data}{address}[0] //= {} },
);
my $event = { event_type => 'purchase', value => 5, currency_code => 'EUR',
	user_data => { uids => [ { source => 'example.com' } ] } };
my @hashed;

for (slurp_file("$FindBin::RealBin/../../src/event/fields.def") =~
	/^ECAPI_FIELD\((\w+, \w+, \w+, \w+, \w+, SHA256), /mg)
{
	my ($object, $field, undef, $many) = split /, /;
	my $value = $field eq 'phone_numbers' ? '+12025550143'
	  : 'planted' . lc($object =~ s/_//gr) . ($field =~ s/_//gr);

	$value .= '@secret.example' if $field eq 'email_address';
	push @hashed, [ $object, $field ];
	push @secrets, $value =~ s/^\+//r;
	die "no place is known for object $object" unless $place{$object};
	$place{$object}->($event)->{$field} = $many eq 'MANY' ? [$value] : $value;
}
cmp_ok(scalar(@hashed), '>=', 9, 'the field table names ' . @hashed . ' hashed fields');

my %credential = (
	option => 'plantedTokenOption', file => 'plantedTokenFile',
	header => 'plantedHeaderOption', header_file => 'plantedHeaderFile',
	url => 'plantedurlpath',
);
my @identifiers = @secrets;
push @secrets, values %credential, 'plantedPassword';

my $credentials = PostgreSQL::Test::Utils::tempdir();
append_to_file("$credentials/a.token", "$credential{file}\n");
append_to_file("$credentials/a.header", "X-Api-Key: $credential{header_file}\n");

my $receiver = EcapiReceiver->start;
my $cluster = EcapiCluster->create(credentials => $credentials, conf => q(
log_min_messages = debug1
log_error_verbosity = verbose
log_min_error_statement = panic
log_connections = on
log_disconnections = on
track_activity_query_size = 16kB
));

# psql's messages for statements that may fail, as talkative as they get.
sub messages
{
	my ($sql) = @_;
	my ($status, $out, $error) = $cluster->psql('postgres', "\\set VERBOSITY verbose\n$sql",
		on_error_stop => 0);

	return $error;
}

sub activity
{
	return $cluster->sql("SELECT string_agg(concat_ws(' ', backend_type, application_name, query), ' ')"
		  . " FROM pg_stat_activity WHERE backend_type LIKE 'ecapi%'");
}

# --- destinations that fail in every way, and some that do not

my $with_option = "access_token '$credential{option}', header 'X-Api-Key: $credential{header}'";
my $with_file = "access_token_file 'a.token', header_file 'a.header'";
my %kinds = (
	unauthorized => "/$credential{url}/status=401",
	forbidden => "/$credential{url}/status=403/echo",
	broken => "/$credential{url}/status=500/echo",
	limited => "/$credential{url}/status=429/echo",
	cut_before => "/$credential{url}/cut=before",
	cut_after => "/$credential{url}/cut=after",
	reset_early => "/$credential{url}/reset",
	garbage => "/$credential{url}/status=500/garbage",
	garbage_passes => "/$credential{url}/garbage",
	rejects => "/$credential{url}/status=400/echo",
	redirects => "/$credential{url}/redirect=$credential{url}",
	huge => "/$credential{url}/status=500/huge=3000000",
	rejects_some => "/$credential{url}/reject-if=poison/echo",
	fine => "/$credential{url}/fine",
);
for my $name (sort keys %kinds)
{
	$cluster->destination($name, $receiver->url($kinds{$name}), {}, $name =~ /^[a-g]/ ? $with_option : $with_file);
}
$cluster->destination('refused_port', "http://127.0.0.1:1/$credential{url}", {}, $with_option);
$cluster->destination('no_such_host', "https://no-such-host.invalid/$credential{url}", {}, $with_file);
$cluster->destination('shadow', $receiver->url("/$credential{url}/shadow"), { mode => 'shadow' }, $with_option);
$cluster->destination('no_token', $receiver->url("/$credential{url}/no-token"), {}, { access_token_file => 'absent', header => "X-Api-Key: $credential{header}" });

my $told = '';
for my $i (1 .. 20)
{
	$event->{id} = $i == 7 ? 'poison-7' : "s-$i";
	$told .= messages('SELECT ecapi_emit(event => ' . literal($json->encode($event)) . ');');
}
is($told, '', 'valid events are emitted without a word');

my $watched = activity();
my %passes = map { $_ => 1 } qw(garbage_passes rejects_some fine shadow);
for my $name (sort(keys %kinds), qw(refused_port no_such_host no_token))
{
	next if $passes{$name};
	$cluster->wait_sql("SELECT last_error IS NOT NULL"
		  . " AND state IN ('waiting', 'stopped') FROM ecapi.destination WHERE destination = '$name'", "$name has failed");
	$watched .= activity();
}
for my $name (sort keys %passes)
{
	$cluster->drained($name);
	$watched .= activity();
}
cmp_ok($cluster->sql("SELECT count(*) FROM ecapi.failed_event WHERE destination = 'rejects_some'"),
	'==', 1, 'the poisonous event failed, alone');

# --- statements that are refused or warn

$told = '';
for my $mapping (
	"access_token 'plantedPassword with spaces'", "header 'plantedPassword'",
	"header E'X-Key: plantedPassword\\n'", "access_tokn 'plantedPassword'",
	"access_token_file '../plantedPassword'", "header_file 'plantedPassword/x'",
	"access_token 'plantedPassword', access_token_file 'x'",
	"access_token 'plantedPassword', header 'Authorization: plantedPassword'",
	"url 'https://ann:plantedPassword\@example.com'")
{
	my $said = messages("ALTER USER MAPPING FOR PUBLIC SERVER no_such OPTIONS (SET x 'y');"
		  . "CREATE SERVER wrong FOREIGN DATA WRAPPER ecapi OPTIONS (url 'https://example.com');"
		  . "CREATE USER MAPPING FOR PUBLIC SERVER wrong OPTIONS (" . "$mapping);"
		  . 'DROP SERVER wrong CASCADE;');

	like($said, qr/ERROR/, 'refused: a wrong ' . ($mapping =~ /^(\w+)/)[0]);
	$told .= $said;
}
for my $url ('https://ann:plantedPassword@example.com/', 'http://example.com/plantedPassword',
	'https://example.com/plantedPassword path', 'ftp://plantedPassword/', 'https://plantedPassword:99999/')
{
	my $said = messages("CREATE SERVER wrong FOREIGN DATA WRAPPER ecapi OPTIONS (url '$url');");

	like($said, qr/ERROR/, 'refused: a wrong url');
	$told .= $said;
}

# Each of these holds every planted identifier, and is wrong in its own way.
my %wrong = (
	currency => sub { delete $_[0]->{currency_code} },
	type => sub { delete $_[0]->{event_type} },
	value => sub { $_[0]->{value} = $secrets[0] },
	currency_value => sub { $_[0]->{currency_code} = $secrets[1] },
	timestamp => sub { $_[0]->{timestamp} = $secrets[2] },
	milliseconds => sub { $_[0]->{timestamp} = 1700000000000 },
	unknown => sub { $_[0]->{user_data}{emial_address} = $secrets[3] },
	user_data => sub { $_[0]->{user_data} = $secrets[3] },
	scalar => sub { $_[0]->{user_data}{address} = $secrets[4] },
	number => sub { $_[0]->{user_data}{email_address} = [ { x => $secrets[5] } ] },
	source => sub { $_[0]->{source} = $secrets[6] },
	properties => sub { $_[0]->{properties}{items} = [ { price => $secrets[7], quantity => $secrets[8] } ] },
	optional => sub {
		@{ $_[0]->{user_data} }{qw(utcoffset gpp_sid event_ip_address age_range mmt_only)} =
		  @secrets[ 0 .. 4 ];
		$_[0]->{properties}{arrival_date} = $secrets[5];
		$_[0]->{user_data}{address}[0]{country_code} = $secrets[6];
	},
	id => sub { $_[0]->{id} = "$secrets[0]\t" . 'x' x 2000 },
	large => sub { $_[0]->{ext} = { text => $secrets[0] x 40000 } },
	deep => sub { my $at = $_[0]; $at = $at->{ext} = { a => $secrets[0] } for 1 .. 40 },
);
my %said;
for my $name (sort keys %wrong)
{
	my $copy = $json->decode($json->encode($event));

	$wrong{$name}->($copy);
	for my $on_error (qw(raise set_aside))
	{
		my $file = "$credentials/event.json";
		unlink $file;
		append_to_file($file, $json->encode($copy));
		$said{$name} .= messages("SET ecapi.on_error = $on_error;\n\\set event `cat $file`\n"
			  . "SELECT length(ecapi_emit(event => :'event'));");
	}
	like($said{$name}, qr/ERROR|WARNING/, "an invalid event says so: $name");
	$told .= $said{$name};
}
$told .= messages("SELECT ecapi_emit('plantedPassword');") =~ s/plantedPassword//gr;
holds_none($told, \@secrets, 'no error, warning, detail, hint or context holds a secret or an identifier');
like($told, qr/user_data\.emial_address/, 'the path of the field at fault is named');
cmp_ok($cluster->sql("SELECT count(*) FROM ecapi.failed_event WHERE state = 'set_aside'"),
	'>=', 5, 'some were set aside');

# --- where could they have gone?

$cluster->sql('SELECT ecapi.pause(srvname) FROM pg_foreign_server');
$cluster->sql('SELECT ecapi.resume(srvname) FROM pg_foreign_server');
$cluster->wait_sql("SELECT count(*) >= 2 FROM ecapi.request WHERE destination = 'unauthorized'", 'stopped ones have been tried again');

holds_none($watched . activity(), \@secrets, 'pg_stat_activity of worker and launcher holds none');
holds_none($cluster->sql('SELECT d::text FROM ecapi.destination d'), \@secrets,
	'ecapi.destination holds none');
holds_none($cluster->sql('SELECT r::text FROM ecapi.request r'), \@secrets,
	'ecapi.request holds none');
holds_none($cluster->sql('SELECT c::text FROM ecapi.check() c'), \@secrets,
	'ecapi.check() holds none');
holds_none($cluster->sql('SELECT w::text FROM ecapi.worker() w'), \@secrets,
	'ecapi.worker() holds none');
holds_none($cluster->sql('SELECT c::text FROM ecapi.cursor c'), \@secrets, 'ecapi.cursor holds none');
holds_none($cluster->sql("SELECT concat_ws(' ', source, reason, sqlstate, answer) FROM ecapi.failed_event"),
	\@secrets, 'why an event failed, and what its receiver answered, holds none');

# --- what left the server

my @bodies = $receiver->events;
cmp_ok(scalar(@bodies), '>=', 20 * 4 - 1, 'bodies were received: ' . @bodies);
holds_none(join("\n", @bodies), \@secrets, 'no clear identifier and no secret in a body');
my $got = $json->decode($bodies[0]);
for (@hashed)
{
	my ($object, $field) = @$_;
	my $value = $place{$object}->($got)->{$field};

	$value = $value->[0] if ref $value;
	like($value // '', qr/^[0-9a-f]{64}$/, "sent hashed: $object $field");
}
diag("$_->{method} $_->{path} $_->{status} $_->{headers}") for grep { $_->{authorization} ne "present" } $receiver->requests;
is((grep { $_->{authorization} ne 'present' } $receiver->requests), 0,
	'the token went with every request');
is((grep { $_->{headers} !~ /x-api-key/ } $receiver->requests), 0,
	'so did the header');

# --- what a receiver repeats of the credentials

# A receiver that refuses the event "poison-e", and prints the secrets of the request in
# every form, and at the end the beginning of one.
my %repeated = (token => 'repeatedToken/x+y==', header => 'repeatedHeader<&>');
my $forms = join ' ', map {
	my $plain = $_;
	(   $plain,
		$plain =~ s/([^A-Za-z0-9])/sprintf('%%%02X', ord $1)/ger,
		$plain =~ s{/}{\\/}gr,
		$plain =~ s/(.)/sprintf('\\u%04x', ord $1)/ger,
		$plain =~ s/([<&>])/sprintf('&#%d;', ord $1)/ger,
		encode_base64($plain, ''),
		encode_base64("Bearer: $plain", ''))
} @repeated{ sort keys %repeated };
my $said_back = "$forms " . substr($repeated{token}, 0, 10);
my $listen = IO::Socket::INET->new(Listen => 16, LocalAddr => '127.0.0.1') or die "listen: $!";
my $repeats = fork() // die "fork: $!";
END { kill 'TERM', $repeats if $repeats }
if ($repeats == 0)
{
	# the server's module ends the test's servers at this signal in newer versions
	$SIG{TERM} = 'DEFAULT';
	while (my $client = $listen->accept)
	{
		my $request = '';

		while ($request !~ /\r\n\r\n/ && sysread($client, $request, 65536, length $request)) { }
		my ($length) = $request =~ /^content-length: *(\d+)/mi;
		while (length($request =~ s/^.*?\r\n\r\n//sr) < $length
			&& sysread($client, $request, 65536, length $request)) { }
		my ($status, $body) = $request =~ /poison-e/ ? ('400 Bad', $said_back) : ('200 OK', '{}');

		print $client "HTTP/1.1 $status\r\nX-Request-Id: $repeated{token}\r\nConnection: close\r\n"
		  . 'Content-Length: ' . length($body) . "\r\n\r\n$body";
		close $client;
	}
	POSIX::_exit(0);
}
$cluster->destination('repeats', 'http://127.0.0.1:' . $listen->sockport . '/in', {}, { access_token => "$repeated{token}", header => "X-Api-Key: Scheme $repeated{header}" });
$cluster->sql("SELECT ecapi_emit('login', id => id) FROM unnest('{good-1,poison-e,good-2}'::text[]) id");
$cluster->drained('repeats');
my $kept = $cluster->sql("SELECT answer FROM ecapi.failed_event WHERE destination = 'repeats'");
my @forms = ('repeated', '\\u0072', map { (substr(encode_base64($_, ''), 0, 8), substr(encode_base64("Bearer: $_", ''), 12, 8)) }
	  values %repeated);
cmp_ok(scalar(() = $kept =~ /\*\*\*/g), '>=', 2 * 7 + 1, 'an answer is kept without the secrets that it repeats');
holds_none($kept, \@forms, 'in no form, not even cut');
is($cluster->sql("SELECT DISTINCT receiver_request_id FROM ecapi.request WHERE destination = 'repeats'"
		  . ' AND receiver_request_id IS NOT NULL'), '***', 'nor does the name of a request hold one');
push @secrets, values %repeated;

# options that change while a request is on its way: its answer has the secrets that it was sent with
my $sent_with = 'plantedInFlight4711';
$cluster->destination('in_flight', $receiver->url('/in-flight/echo/reject-if=flies/pace=3000'), {}, { header => "X-Api-Key: $sent_with" });
$cluster->sql("SELECT ecapi_emit('login', id => 'flies', properties => jsonb_build_object('coupon', '$sent_with'))");
$cluster->wait_sql("SELECT requests_in_flight = 1 FROM ecapi.stat_destination WHERE destination = 'in_flight'", 'the request is on its way');
$cluster->sql("ALTER USER MAPPING FOR PUBLIC SERVER in_flight OPTIONS (SET header 'X-Api-Key: plantedAfterwards12')");
$cluster->sql("ALTER SERVER in_flight OPTIONS (ADD batch_size '7')");
$cluster->sql("SELECT ecapi_emit('login', id => 'behind-' || i) FROM generate_series(1, 10) i");
$cluster->wait_sql("SELECT count(*) = 1 FROM ecapi.failed_event WHERE destination = 'in_flight' AND event_id = 'flies'");
$kept = $cluster->sql("SELECT answer FROM ecapi.failed_event WHERE destination = 'in_flight' AND event_id = 'flies'");
like($kept, qr/\*\*\*/, 'an answer to a request of before has them replaced');
holds_none($kept, [ $sent_with ], 'and none of its secrets');
push @secrets, $sent_with, 'plantedAfterwards12';

$cluster->stop;
holds_none($cluster->log_text, [ grep { $_ ne 'plantedPassword' } @secrets ],
	'the server log at debug1, verbose, holds none');
like($cluster->log_text, qr/destination "unauthorized" is stopped/, 'the log was looked at');
holds_none(join("\n", grep { !/no event type|unrecognized event type|invalid event/ } split /\n/, $cluster->log_text),
	['plantedPassword'], 'nor what stood in refused statements, but an unknown event type');
done_testing();
