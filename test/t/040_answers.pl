# What a receiver may answer, and what becomes of it: delivered, tried again
# later, stopped until something changes.  And what a request looks like:
# credentials, wrappers, filters, modes.
#
# Nothing is ever missing at the end.  Where an answer lets the receiver keep
# the events without the sender knowing, they come again under the same ids.
# How long a wait lasts is not asserted, only that no request came before the
# moment the receiver named.
use strict;
use warnings;

use FindBin;
use lib $FindBin::RealBin;

use EcapiCluster qw(ids literal);
use EcapiReceiver;
use Test::More;

my $receiver = EcapiReceiver->start(args => [ '--threads', 4 ]);
my $cluster = EcapiCluster->create;

# "retry/503 delivered/200": the request log of a destination.
sub outcomes
{
	my ($name) = @_;

	return join(' ', map { $_->{outcome} . ($_->{status} eq '' ? '' : "/$_->{status}") }
		  $cluster->log_rows($name));
}

sub drop { return $cluster->sql('DROP SERVER ' . join(', ', @_) . ' CASCADE') }

# Emit, and wait until a destination that nothing is wrong with has it all, so
# the worker has seen these events.
sub emit_and_see
{
	my (@what) = @_;

	$cluster->emit(@what);
	$cluster->wait_row('clock', 'backlog = 0');
	return;
}

# --- answers after which the same request goes out again, all side by side

my %again = (
	s408 => [ 'status=408/first=2', 'retry/408 retry/408 delivered/200' ],
	s425 => [ 'status=425/first=2', 'retry/425 retry/425 delivered/200' ],
	s429 => [ 'status=429/first=2', 'retry/429 retry/429 delivered/200' ],
	s500 => [ 'status=500/first=2', 'retry/500 retry/500 delivered/200' ],
	s503 => [ 'status=503/first=2', 'retry/503 retry/503 delivered/200' ],
	s599 => [ 'status=599/first=1', 'retry/599 delivered/200' ],
	in_seconds => [ 'retry-after=3/first=1', 'retry/429 delivered/200' ],
	by_date => [ 'retry-after-date=4/first=1', 'retry/429 delivered/200' ],
	busy => [ 'status=503/retry-after=3/first=1', 'retry/503 delivered/200' ],
	cut_before => [ 'cut=before/first=4' ],
	cut_after => [ 'cut=after/first=4', undef, 1 ],
	torn => [ 'reset/first=4' ],
	never_ends => [ 'endless/first=1', undef, 1 ],
	never_fails => [ 'endless/status=500/first=1', undef ],
	silent => [ 'delay=3000/first=1', undef, 1 ],
	huge_failure => [ 'huge=3000000000/status=500/first=1', 'retry/500 delivered/200' ],
	garbage_failure => [ 'garbage/status=502/first=1', 'retry/502 delivered/200' ],
	empty_failure => [ 'empty/status=500/first=1', 'retry/500 delivered/200' ],
	# these are answers: 2xx is success, whatever the body says
	empty => [ 'empty', 'delivered/200' ],
	s202 => [ 'status=202', 'delivered/202' ],
	s204 => [ 'status=204', 'delivered/204' ],
	garbage => [ 'garbage', 'delivered/200' ],
	huge => [ 'huge=3000000000', 'delivered/200' ],
	gzipped => [ 'gzip', 'delivered/200' ],
	gzipped_huge => [ 'gzip/huge=300000000', 'delivered/200' ],
);
my %timeout = map { $_ => { timeout => '700ms' } } qw(never_ends never_fails silent);

sub path_of { return "/$_[0]/$again{$_[0]}[0]" }

$cluster->destination('clock', $receiver->url('/clock'));
for my $name (sort keys %again)
{
	# one request at a time, and one only for all events
	$cluster->destination($name, $receiver->url(path_of($name)),
		{ max_in_flight => 1, %{ $timeout{$name} // {} } });
}
$cluster->emit('a', 1, 300);
$cluster->drained(sort keys %again);
for my $name (sort keys %again)
{
	my ($behaviour, $outcomes, $repeats) = @{ $again{$name} };
	my @requests = $receiver->requests_at(path_of($name));

	$cluster->all_there($receiver, $name, [ ids('a', 1, 300) ],
		"$behaviour: missing 0" . ($repeats ? '' : ', repeats 0'), repeats => $repeats);
	is(outcomes($name), $outcomes, "$behaviour: the request log") if $outcomes;
	like(outcomes($name), qr{^(retry(/\d+)? )+delivered/200$}, "$behaviour: the request log")
	  unless $outcomes;

	# A kept connection that turns out dead is replaced, and the request sent on
	# a new one, inside the HTTP library; a request whose sender has gone may
	# not be in the receiver's file.
	if ($outcomes)
	{
		is(scalar @requests, scalar(() = $cluster->log_rows($name)),
			"$behaviour: each request has its row");
		is((grep { $_->{events} != 300 } @requests), 0, "$behaviour: all in one request");
	}
	is("@{ $cluster->row($name) }{qw(delivered failed filtered)}", '300 0 0',
		"$behaviour: the view's counts");
}
for my $wait ([ in_seconds => 3 ], [ busy => 3 ], [ by_date => 3 ])
{
	my ($name, $seconds) = @$wait;
	my ($first, $second) = $receiver->requests_at(path_of($name));
	my $gap = ($second->{time_us} - $first->{time_us}) / 1e6;

	# a date has whole seconds, so up to one of them is gone when it is written
	cmp_ok($gap, '>=', $seconds, "$again{$name}[0]: no request before the moment named");
}
is((split / /, outcomes('silent'))[0], 'retry', 'no answer in time: no status');
like(($cluster->log_rows('silent'))[0]{error}, qr/in time/, 'no answer in time: the log says so');
is(join(' ', map { $_->{attempt} } $cluster->log_rows('s503')), '1 2 3', 'attempts are counted');
like(($cluster->log_rows('s503'))[0]{error}, qr/503/, 'the log names the status');
is(($cluster->log_rows('s503'))[2]{error}, '', 'success has no error');
drop(sort keys %again);

# --- while it waits, the view says why; the shop goes on

my $dying = EcapiReceiver->start;
$cluster->destination('dying', $dying->url('/dying'));
$cluster->emit('b', 1, 10);
$cluster->drained('dying', 'clock');
$dying->stop;
emit_and_see('b', 11, 500);
$cluster->wait_row('dying', "failed = 0 AND backlog = 490 AND last_error IS NOT NULL"
	  . " AND detail LIKE '%connect%' AND state = 'waiting' AND next_try IS NOT NULL");
pass('a dead receiver: the destination waits, its view says why');
emit_and_see('b', 501, 600);
$dying->start_again;
$cluster->resume('dying');
$cluster->drained('dying');
$cluster->all_there($dying, 'dying', [ ids('b', 1, 600) ], 'a receiver back from the dead: missing 0');
is($cluster->row('dying')->{detail}, '', 'a receiver back from the dead: nothing to explain');
$dying->stop('KILL');
emit_and_see('b', 601, 610);
$cluster->wait_row('dying', "state = 'waiting'");
$dying->start_again;
$cluster->drained('dying');
$cluster->all_there($dying, 'dying', [ ids('b', 1, 610) ],
	'a receiver back from the dead, nobody told: missing 0', repeats => 1);
drop('dying');
$dying->stop;

# --- answers that stop a destination, and what sets it going again

my %stops = (
	s401 => [ 'status=401/first=1', '%401%', sub { $cluster->resume('s401') } ],
	s403 => [ 'status=403/first=1', '%403%', sub {
		$cluster->sql("ALTER USER MAPPING FOR PUBLIC SERVER s403 OPTIONS (SET access_token 'two')") } ],
	s404 => [ 'status=404', '%404%', sub {
		$cluster->alter('s404', url => $receiver->url('/s404/found')) } ],
	s300 => [ 'status=300/first=1', '%300%', sub { $cluster->resume('s300') } ],
	redirected => [ 'redirect=elsewhere/first=1', '%302%', sub {
		$cluster->sql("ALTER SERVER redirected OPTIONS (ADD timeout '20s')") } ],
);
for my $name (sort keys %stops)
{
	$cluster->destination($name, $receiver->url("/$name/$stops{$name}[0]"),
		{ max_in_flight => 1 }, { access_token => 'one' });
}
emit_and_see('c', 1, 50);
for my $name (sort keys %stops)
{
	$cluster->stopped($name, $stops{$name}[1]);
	is(outcomes($name), "stopped/" . ($stops{$name}[1] =~ s/%//gr), "$name: the request log");
}
like($cluster->sql('SELECT what FROM ecapi.check()'), qr/"s404" is stopped: .*404/,
	'the doctor tells of a stopped destination');
emit_and_see('c', 51, 60);
emit_and_see('c', 61, 70);
for my $name (sort keys %stops)
{
	my ($path, undef, $fix) = @{ $stops{$name} };

	is(scalar $receiver->requests_at("/$name/$path"), 1, "$name: nothing more is sent");
	is($cluster->row($name)->{backlog}, 70, "$name: the events wait");
	$fix->();
	$cluster->drained($name);
	$cluster->all_there($receiver, $name, [ ids('c', 1, 70) ], "$name: fixed, missing 0");
	is($cluster->row($name)->{detail}, '', "$name: fixed, nothing to explain");
}
is(scalar $receiver->requests_at('/elsewhere'), 0, 'a redirect was not followed');

# a stop outlives the worker
$cluster->alter('s404', url => $receiver->url('/s404/status=404'));
emit_and_see('c', 71, 80);
$cluster->stopped('s404', '%404%');
my $n = $receiver->requests_at('/s404/status=404');
$cluster->restart_worker;
emit_and_see('c', 81, 90);
is(scalar $receiver->requests_at('/s404/status=404'), $n, 'a stop outlives the worker');
$cluster->stopped('s404', '%404%');
drop(sort keys %stops);

# --- credentials; a path that ends in /token would be the platforms' token endpoint

my $guarded = EcapiReceiver->start;
my %credentials = (
	given => [ { access_token => 'abc' }, 'Bearer abc' ],
	token_file => [ { access_token_file => 'token' }, 'Bearer from-file' ],
	header => [ { header => 'Authorization: Basic dTpw' }, 'Basic dTpw' ],
	header_file => [ { header_file => 'header' }, 'Secret of header' ],
);
$cluster->write_credential('token', "from-file\n");
$cluster->write_credential('header', "Authorization: Secret of header\n");
for my $name (sort keys %credentials)
{
	my ($mapping, $expected) = @{ $credentials{$name} };

	$guarded->expect_auth($expected);
	$cluster->destination($name, $guarded->url("/$name"), {}, $mapping);
	$cluster->emit("d$name", 1, 5);
	$cluster->drained($name);
	$cluster->all_there($guarded, $name, [ ids("d$name", 1, 5) ], "$name: accepted");
	is(join(' ', map { $_->{authorization} } $guarded->requests_at("/$name")), 'right',
		"$name: the header is as configured");
	drop($name);
}
$guarded->expect_auth(undef);
$cluster->destination('key', $guarded->url('/key'), {},
	{ header => 'X-Api-Key: k', access_token => 'abc' });
$cluster->destination('open', $guarded->url('/open'));
$cluster->emit('d', 1, 5);
$cluster->drained('key', 'open');
my ($request) = $guarded->requests_at('/key');
like($request->{headers}, qr/\bx-api-key\b/, 'a header of another name is sent');
is($request->{authorization}, 'present', 'and the token beside it');
like($request->{headers}, qr/\baccept-encoding\b/, 'compressed answers are accepted');
like($request->{headers}, qr/\bcontent-type\b/, 'the type of the body is named');
is(($guarded->requests_at('/open'))[0]{authorization}, 'none', 'without credentials none are sent');
drop('key', 'open');

# A token is rotated: requests are refused with 401 until the file has the new
# one, and go on without any DDL.
$guarded->expect_auth('Bearer one');
$cluster->write_credential('rotating', 'one');
$cluster->destination('rotate', $guarded->url('/rotate'), {}, { access_token_file => 'rotating' });
$cluster->emit('e', 1, 10);
$cluster->drained('rotate');
$guarded->expect_auth('Bearer two');
$cluster->emit('e', 11, 20);
$cluster->stopped('rotate', '%401%');
$cluster->write_credential('rotating', 'two');
$cluster->drained('rotate');
$cluster->emit('e', 21, 30);
$cluster->drained('rotate');
# the file first, the receiver second: the next request carries the new one
$cluster->write_credential('rotating', 'three');
$guarded->expect_auth('Bearer three');
$cluster->emit('e', 31, 40);
$cluster->drained('rotate');
$cluster->all_there($guarded, 'rotate', [ ids('e', 1, 40) ], 'a rotated token: missing 0');
is((grep { $_->{status} eq '401' } $cluster->log_rows('rotate')), 1,
	'a rotated token: one request was refused');
# a file that is gone is a wait, not a loss
unlink $cluster->credentials . '/rotating' or die "unlink: $!";
$cluster->emit('e', 41, 50);
$cluster->wait_row('rotate', q{state IN ('waiting', 'stopped') AND detail LIKE '%"rotating"%'});
is((grep { $_->{authorization} eq 'wrong' || $_->{authorization} eq 'none' }
		$guarded->requests_at('/rotate')), 1, 'without its token nothing is sent');
$cluster->write_credential('rotating', 'three');
$cluster->drained('rotate');
$cluster->all_there($guarded, 'rotate', [ ids('e', 1, 50) ], 'a token file gone and back: missing 0');
drop('rotate');
$guarded->stop;

# --- connections are kept

my $keeping = EcapiReceiver->start;
$cluster->destination('kept', $keeping->url('/kept'), { batch_size => 1, max_in_flight => 1 });
$cluster->emit('f', 1, 50);
$cluster->drained('kept');
$cluster->emit('f', 51, 60);
$cluster->drained('kept');
my %connections = map { $_->{connection} => 1 } $keeping->requests_at('/kept');
is(scalar $keeping->requests_at('/kept'), 60, 'sixty requests');
is(scalar keys %connections, 1, 'on one connection');
drop('kept');
$cluster->destination('kept', $keeping->url('/kept4'), { batch_size => 1, max_in_flight => 4 });
$cluster->emit('f', 61, 160);
$cluster->drained('kept');
%connections = map { $_->{connection} => 1 } $keeping->requests_at('/kept4');
cmp_ok(scalar keys %connections, '<=', 4, 'four at a time: at most four connections');
drop('kept');
$keeping->stop;

# --- pause and resume

$cluster->destination('held', $receiver->url('/held/delay=500'), { batch_size => 10 });
$cluster->emit('g', 1, 400);
$receiver->wait_for(sub { $receiver->requests_at('/held/delay=500') >= 5 }, 'some requests');
$cluster->pause('held');
# what was under way comes in; then nothing
$cluster->wait_state('held', 'paused');
$cluster->wait_sql("SELECT requests_in_flight = 0 FROM ecapi.stat_destination WHERE destination = 'held'", 'nothing is under way');
$cluster->wait_row('held', 'delivered + backlog = 400');
$n = $receiver->requests_at('/held/delay=500');
cmp_ok($n, '<', 40, 'paused in the middle');
emit_and_see('g', 401, 410);
is(scalar $receiver->requests_at('/held/delay=500'), $n, 'paused: nothing is sent');
is($cluster->row('held')->{state}, 'paused', 'paused: the view says so');
like($cluster->row('held')->{detail}, qr/^paused by \w+$/, 'paused: the view says by whom');
$cluster->resume('held');
$cluster->drained('held');
$cluster->all_there($receiver, 'held', [ ids('g', 1, 410) ], 'resumed: missing 0');
drop('held');

# --- shadow

$cluster->destination('shadow_', $receiver->url('/shadow'), { mode => 'shadow' });
$cluster->emit('h', 1, 100);
$cluster->drained('shadow_');
is(scalar $receiver->requests_at('/shadow'), 0, 'shadow: nothing is sent');
is("@{ $cluster->row('shadow_') }{qw(delivered failed filtered)}", '0 0 100', 'shadow: counted apart');
is(outcomes('shadow_'), 'shadow', 'shadow: the request log');
is(($cluster->log_rows('shadow_'))[0]{events}, 100, 'shadow: with the number of events');
$cluster->alter('shadow_', mode => 'live');
$cluster->emit('h', 101, 110);
$cluster->drained('shadow_');
$cluster->all_there($receiver, 'shadow_', [ ids('h', 101, 110) ], 'shadow, then live: what came later');
drop('shadow_');

# --- the shape of a body; an error answer repeats it ("echo")

my %shapes = (
	plain => [ {}, qr/"request":\[\{.*\}\]\}$/ ],
	named_array => [ { batch_wrapper => 'array' }, qr/"request":\[\{.*\}\]\}$/ ],
	wrapped => [ { batch_wrapper => 'events' }, qr/"request":\{"events":\[\{.*\}\]\}\}$/ ],
	alone => [ { batch_size => 1 }, qr/"request":\{"data_set_id":.*"EUR"\}\}$/ ],
	alone_wrapped => [ { batch_size => 1, batch_wrapper => 'events' }, qr/"request":\{"data_set_id":.*"EUR"\}\}$/ ],
);
for my $name (sort keys %shapes)
{
	$cluster->destination($name, $receiver->url("/$name/reject-if=poison/echo"), $shapes{$name}[0]);
}
$cluster->emit('i', 1, 3);
$cluster->drained(sort keys %shapes);
$cluster->emit('poison', 1, 1);
$cluster->drained(sort keys %shapes);
for my $name (sort keys %shapes)
{
	$cluster->all_there($receiver, $name, [ ids('i', 1, 3) ], "$name: understood");
	like($cluster->sql("SELECT btrim(answer, chr(10)) FROM ecapi.failed_event WHERE destination = '$name'"),
		$shapes{$name}[1], "$name: the shape of the body");
	drop($name);
}

# an answer that came compressed is kept as text
$cluster->destination('zipped', $receiver->url('/zipped/gzip/reject-if=poison'));
$cluster->destination('unzipped', $receiver->url('/unzipped/reject-if=poison'));
$cluster->emit('j', 1, 1);
$cluster->drained('zipped', 'unzipped');
$cluster->emit('poison', 1, 1);
$cluster->drained('zipped', 'unzipped');
my @answers = split /\n/, $cluster->sql('SELECT btrim(answer, chr(10)) FROM ecapi.failed_event'
	  . " WHERE destination IN ('zipped', 'unzipped')");
is(scalar @answers, 2, 'two answers to a rejected event are kept');
is($answers[0], $answers[1], 'the compressed one is kept as text');
drop('zipped', 'unzipped');

# --- linger

$cluster->destination('patient', $receiver->url('/patient'),
	{ batch_size => 10, linger => '1h', max_in_flight => 1 });
$cluster->sql(join(';', map {
		"SELECT ecapi_emit('purchase', value => 1, currency_code => 'EUR', id => 'k$_')" } 1 .. 25));
for my $i (26 .. 30)
{
	# each of its own transaction, seen by the worker one after the other
	is(scalar(grep { $_->{events} != 10 } $receiver->requests_at('/patient')), 0, 'linger: only full requests');
	emit_and_see('k', $i, $i);
}
$cluster->drained('patient');
is(join(' ', map { $_->{events} } $receiver->requests_at('/patient')), '10 10 10', 'linger: three full requests');
$cluster->emit('k', 31, 33);
$cluster->alter('patient', linger => '100ms');
$cluster->drained('patient');
$cluster->all_there($receiver, 'patient', [ ids('k', 1, 33) ], 'linger: what is too few goes in the end');
drop('patient');

# --- filters, and events that cannot be expressed

$cluster->destination('views', $receiver->url('/views'), { event_types => 'page_view, search' });
$cluster->destination('any', $receiver->url('/any'));
my $other = EcapiReceiver->start;
$cluster->sql('CREATE SERVER unset FOREIGN DATA WRAPPER ecapi OPTIONS (url '
	  . literal($other->url('/unset')) . ')');
$cluster->sql(<<'EOSQL');
BEGIN;
SELECT ecapi_emit('page_view', id => 'l1');
SELECT ecapi_emit('purchase', id => 'l2', value => 1, currency_code => 'EUR');
SELECT ecapi_emit('search', id => 'l3');
SELECT ecapi_emit('page_view', id => 'l4', data_set_id => 'views');
SELECT ecapi_emit('page_view', id => 'l5', data_set_id => 'another');
COMMIT;
EOSQL
$cluster->drained('views', 'any');
$cluster->all_there($receiver, 'views', [qw(l1 l3 l4)], 'filters: only its types and its data set');
$cluster->all_there($receiver, 'any', [qw(l1 l2 l3)], 'filters: every type without event_types');
is("@{ $cluster->row('views') }{qw(delivered failed filtered)}", '3 0 2', 'filters: counted');
my @seq = split /\n/, $cluster->sql(
	"SELECT seq FROM ecapi.outbox WHERE event->>'id' IN ('l2', 'l5') ORDER BY event->>'id'");
is($cluster->sql("SELECT string_agg(reason || ' ' || seqs, ', ' ORDER BY reason)"
		  . " FROM ecapi.request WHERE destination = 'views' AND outcome = 'filtered'"),
	'data_set_id {[' . $seq[1] . ',' . ($seq[1] + 1) . ')}, event_type {[' . $seq[0] . ',' . ($seq[0] + 1) . ')}',
	'filters: the request log names what was left out, and why');
$cluster->wait_sql("SELECT state = 'stopped' FROM ecapi.destination WHERE destination = 'unset'");
is($cluster->sql("SELECT detail, backlog, failed, failed_dead FROM ecapi.destination WHERE destination = 'unset'"),
	'an event has no data set: set the option data_set_id, or give every event its own|5|0|0',
	'an event without any data set stops its destination, which says what to set');
is($cluster->sql("SELECT count(*) FROM ecapi.failed_event WHERE destination = 'unset'"), 0,
	'no event fails for it');
$cluster->sql("ALTER SERVER unset OPTIONS (ADD data_set_id 'late')");
$cluster->drained('unset');
is(join(' ', map { "$_->{id}=$_->{data_set_id}" } sort { $a->{id} cmp $b->{id} } $other->records),
	'l1=late l2=late l3=late', 'when it is set they go, and what has a data set of its own does not');
$cluster->sql("SELECT ecapi_emit('purchase', id => 'l' || i, value => 1, currency_code => 'EUR')"
	  . ' FROM generate_series(6, 9) i');
$cluster->drained('views');
my @rows = $cluster->log_rows('views');
is("$rows[-1]{outcome} $rows[-1]{events} $rows[-1]{status}", 'filtered 4 ',
	'filters: events that were all filtered have a row without a request');
is(scalar $receiver->requests_at('/views'), 1, 'filters: no empty request');

$cluster->drained('clock');
$cluster->stop;
done_testing();
