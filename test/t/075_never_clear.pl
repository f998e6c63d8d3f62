# A hashed field never leaves clear: some thousands of random events with
# planted identifiers go through ecapi_emit, the outbox and the worker, and
# none of the identifiers is in a body, a message or the log.
#
# The unit test never_clear does the same with more events and without a
# server; here it is the whole path, jsonb included.  Identifiers are planted
# in every field that the standard hashes, in odd shapes; in place of the
# objects that hold these fields; under unknown names; and in the project's own
# conventions inside ext.  Two enrichments copy them to where nothing is hashed:
# one whose server's owner may not read the outbox copies all of user_data, one
# that sees it in clear copies what identifies a person.  Each carries one of a few marks, which are looked
# for without regard to letter case, blanks and punctuation.
#
# ECAPI_SEED repeats a run; ECAPI_EVENTS is how many (3000).
use strict;
use warnings;

use FindBin;
use lib $FindBin::RealBin;

use EcapiCluster;
use EcapiReceiver;
use JSON::PP;
use PostgreSQL::Test::Utils;
use Test::More;

my $seed = $ENV{ECAPI_SEED} // int(rand(2**31));
my $events = $ENV{ECAPI_EVENTS} // 3000;
my $json = JSON::PP->new->utf8->canonical;

srand($seed);
note("seed $seed, $events events");

# --- what is planted

# Letters and digits that no digest and no clear field holds in a row; the
# last is a British postal code without its unit.
my @marks = qw(plqzx 7391846250 qz7w8);
my $marks = join('|', @marks);
my @cores = ('plqzx', 'pLq-z.X', "p l'q z x", '7391846250', '(739) 184-6250', '+1 739 1846250',
	'0049 30 7391846250', 'QZ7W 8XY', 'qz7w8xy', "Pl\x{2014}qz\x{a0}X");
my @before = ('', '', '', ' ', "\x{a0}\t", 'ann.', "\x{c4}", '"', "\x{200b}", "\x{1f600}", 'b4c9a289');
my @after = ('', '', '', ' ', "\n", '@Example.com', "\x{3000}", '-Smith', '\\', "\x{1}", '123');
my $planted = 0;

sub one_in { return int(rand($_[0])) == 0 }
sub any { return $_[ int(rand(@_)) ] }

sub text
{
	$planted++;
	return any(@before) . any(@cores) x (one_in(40) ? 100 : 1) . any(@after);
}

sub number
{
	$planted++;
	return any(7391846250, -7391846250, 7391846250.5, 497391846250);
}

# Any value, with identifiers wherever one can be, names included.
sub plant
{
	my ($depth) = @_;
	my $kind = int(rand(($depth // 0) > 4 ? 8 : 12));

	return text() if $kind < 6;
	return number() if $kind == 6;
	return any(JSON::PP::true, undef, '', {}, []) if $kind == 7;
	return [ map { plant(($depth // 0) + 1) } 1 .. int(rand(4)) ] if $kind < 10;
	return { map { (one_in(2) ? text() : any(qw(id email_address a)), plant(($depth // 0) + 1)) }
		  1 .. int(rand(3)) };
}

# In place of an object; a list of lists stands for nothing in the standard.
sub instead { return any(text(), number(), [ [ text() ] ], [ [ { email_address => text() } ] ]) }

# The fields that the standard hashes, by object; not from the project's table.
my %hashed = (
	user_data => [qw(customer_identifier email_address phone_numbers gender)],
	uids => ['id'],
	address => [qw(first_name last_name street postal_code)],
);
my @strangers = qw(emial_address Email_Address e-mail phone clickids);

# An object with some of its hashed fields planted; unknown adds stray names.
sub object
{
	my ($name, $unknown, %clear) = @_;
	my %object = %clear;

	for (@{ $hashed{$name} })
	{
		$object{$_} = plant() if one_in(2);
	}
	$object{ any(@strangers) } = plant() if $unknown && one_in(2);
	return \%object;
}

sub address
{
	my ($unknown) = @_;

	return instead() if one_in(12);
	return object('address', $unknown, city => 'Springfield',
		country_code => any(qw(US gb de hu)));
}

sub uid { return one_in(12) ? instead() : object('uids', $_[0], source => 'example.com') }

sub event
{
	my ($n) = @_;
	my $unknown = one_in(8);
	my %event = (id => "e-$n", event_type => any(qw(purchase login view_item subscribe)),
		value => 7.5, currency_code => 'EUR');
	my $user = object('user_data', $unknown, event_user_agent => 'clear');

	$user->{address} = one_in(3) ? address($unknown) : [ map { address($unknown) } 0 .. rand(3) ]
	  if one_in(2);
	$user->{uids} = one_in(3) ? uid($unknown) : [ map { uid($unknown) } 0 .. rand(3) ]
	  if one_in(2);
	$user->{ext}{click_ids} = plant() if one_in(3);
	$user->{ext}{consent} = plant() if one_in(3);
	$user->{ext}{tier} = 1 if one_in(3);
	$event{ext}{route} = plant() if one_in(3);
	$event{user_data} = one_in(20) ? instead() : $user;
	$event{properties} = one_in(20) ? text() : { items => one_in(20) ? [ text() ] : [ { id => 'sku' } ] };
	$event{ any(@strangers) } = plant() if $unknown;
	return \%event;
}

# The lines that hold a mark, whatever stands between its letters; JSON's
# escapes are no letters of it.
sub marked
{
	return grep {
		my $bare = lc($_) =~ s/\\(?:u[0-9a-f]{4}|.)//gr =~ s/[^a-z0-9]//gr;
		$bare =~ /$marks/
	} @_;
}

# A test: no line holds a mark.
sub none_marked
{
	my ($what, @lines) = @_;
	my @found = marked(@lines);

	is(scalar(@found), 0, $what);
	diag("a mark in: $_") for splice(@found, 0, 3);
	return;
}

# --- the whole path

my $receiver = EcapiReceiver->start;
my $cluster = EcapiCluster->create(conf => "log_min_error_statement = panic\n");
$cluster->destination('batches', $receiver->url('/batches'), { batch_size => 100 });
$cluster->destination('single', $receiver->url('/single'), { batch_size => 1, max_in_flight => 4 });
$cluster->sql(<<'SQL');
CREATE ROLE curious;
GRANT USAGE ON FOREIGN DATA WRAPPER ecapi TO curious;
GRANT USAGE ON SCHEMA ecapi TO curious;
CREATE SCHEMA leak AUTHORIZATION curious;
CREATE FUNCTION leak.everything(page ecapi.event[]) RETURNS TABLE (seq bigint, patch jsonb) STABLE LANGUAGE sql AS $$
    SELECT e.seq, jsonb_build_object('ext', jsonb_build_object('copied', e.user_data - 'ext'),
        'properties', jsonb_build_object('lead_reason', (e.user_data - 'ext')::text)) FROM unnest(page) e $$;
CREATE FUNCTION leak.identifiers(page ecapi.event[]) RETURNS TABLE (seq bigint, patch jsonb) STABLE LANGUAGE sql AS $$
    SELECT e.seq, jsonb_build_object('ext', jsonb_build_object('mail', e.user_data->'email_address',
            'phone', e.user_data->'phone_numbers', 'deep', jsonb_build_array(e.user_data->'uids')),
        'properties', jsonb_build_object('group_id', e.user_data->'customer_identifier',
            'coupon', e.user_data->'email_address')) FROM unnest(page) e $$;
ALTER FUNCTION leak.everything OWNER TO curious;
ALTER FUNCTION leak.identifiers OWNER TO curious;
SQL
$cluster->destination('enriched', $receiver->url('/enriched'), { enrich => 'leak.everything' });
$cluster->sql('ALTER SERVER enriched OWNER TO curious');
$cluster->destination('clear', $receiver->url('/clear'), { enrich => 'leak.identifiers' });

my $file = PostgreSQL::Test::Utils::tempdir() . '/events';
append_to_file($file, join('', map { $json->encode(event($_)) . "\n" } 1 .. $events));
$cluster->sql("CREATE TABLE given (event jsonb);"
	  . "COPY given FROM '$file' (FORMAT csv, QUOTE E'\\x01', DELIMITER E'\\x02')");
my ($status, undef, $said) = $cluster->try_sql("SET ecapi.on_error = set_aside;"
	  . 'SELECT count(ecapi_emit(event => event)) FROM given');
is($status, 0, 'the events are emitted');
isnt($said, '', 'with warnings');
none_marked('which hold no identifier', split /\n/, $said);

my $sent = $cluster->sql('SELECT count(*) FROM ecapi.outbox');
my $aside = $cluster->sql("SELECT count(*) FROM ecapi.failed_event WHERE state = 'set_aside'");
cmp_ok($sent, '>', $events / 2, "most events are sent: $sent");
cmp_ok(scalar(marked(split /\n/, $cluster->sql('SELECT event FROM ecapi.outbox'))), '>', $sent / 3,
	'and hold identifiers in the outbox');
is($sent + $aside, $events, "the others are set aside: $aside");
like($cluster->refused(q(SELECT ecapi_emit(event => '{"event_type": "login", "user_data": {"email_address": "plqzx\u0000@example.com"}}')), 'an identifier with a NUL'), qr/ERROR/, 'with an error');

$cluster->drained(qw(batches single enriched clear));
my @bodies = $receiver->events;
my $digests = () = join('', @bodies) =~ /"[0-9a-f]{64}"/g;

note("planted $planted, bodies " . @bodies . ", digests in them $digests");
is(scalar(@bodies), 4 * $sent, 'every event reached all destinations');
cmp_ok($digests, '>', $events, "what was planted left hashed: $digests digests");
none_marked('no body holds a planted identifier', @bodies);
cmp_ok(scalar(grep { /"copied":\{/ } @bodies), '>', $events / 4, 'the first enrichment copied digests');
cmp_ok($cluster->sql("SELECT sum(count) FROM ecapi.left_out WHERE reason = 'holds_identifier'"),
	'>', $events / 4, 'what the second one copied was left out, and counted');
is($receiver->stats->{rejected}, 0, 'the receiver took every event');
none_marked('why events were set aside holds none',
	split /\n/, $cluster->sql("SELECT concat_ws(' ', reason, sqlstate, answer) FROM ecapi.failed_event"));
none_marked('nor do the views', split /\n/,
	$cluster->sql('SELECT r::text FROM ecapi.request r UNION ALL SELECT d::text FROM ecapi.destination d'));
$cluster->stop;

# The server itself shows the text that is no jsonb, in a context line.
none_marked('nor does the log', grep { !/CONTEXT:.*JSON data/ } split /\n/, $cluster->log_text);
$receiver->stop;
done_testing();
