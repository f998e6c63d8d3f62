# 900_readme.pl - the examples of the manual, run as a reader would run them.
#
# The manual is README.md and the pages in doc.  Marks, each a line of its own,
# say what the next fenced block is:
#
#	<!-- test -->			SQL, run by psql; an error fails the test
#	<!-- test error -->		SQL that ends in an error
#	<!-- output -->			what the block before it printed
#	<!-- received -->		what the receiver got since the mark before
#	<!-- wait QUERY -->		no block: wait until QUERY gives t, then go on
#	<!-- database NAME -->	no block: go on in that database, which is made if need be
#	<!-- package -->		commands, run by test/package.sh and not here
#	<!-- servers WHERE -->	SQL for other servers, or one of several, run by the test of
#							these (EcapiManual) and not here
#
# Pages go in the order of @pages, blocks in that of their page, one psql each,
# all against one server with the extension preloaded: so examples go on where
# those before ended.  http://127.0.0.1:8080 stands for the receiver.  Printed
# values that differ from run to run (times, generated ids, process numbers,
# sizes) are compared by their kind.  SQL without a mark fails the test, and so
# does a page that is not in @pages.
#
# With ECAPI_README naming a directory, the pages are written there with what was
# printed in this run in place of their output blocks.
use strict;
use warnings;

use Cwd qw(abs_path);
use File::Basename qw(basename dirname);
use File::Path qw(make_path);
use IPC::Run ();
use PostgreSQL::Test::Utils;
use Test::More;

use lib dirname(abs_path(__FILE__));
use EcapiCluster;
use EcapiKafka;
use EcapiReceiver;

my $top = dirname(abs_path(__FILE__)) . '/../..';
my @pages = ('README.md', map { "doc/$_.md" }
	qw(tracking emitting destinations formats meta google tiktok pinterest reddit microsoft linkedin snap ga4 openai amazon webhook pubsub kafka enrichment predictions consent privacy proof report reference monitoring operating shards internals));
my $example_url = 'http://127.0.0.1:8080';
my $example_brokers = 'localhost:9092';
my $token = 'demo-token';
my $statement = qr/^(?:SELECT|INSERT|UPDATE|DELETE|CREATE|ALTER|DROP|GRANT|SET|CALL)\b/m;

# The steps of a page: hashes of kind, argument, place, and, of a block, its text
# and the numbers of its lines.  SQL without a mark goes to @$unmarked.
sub read_steps
{
	my ($page, $lines, $unmarked) = @_;
	my ($mark, @steps);

	for (my $i = 0; $i < @$lines; $i++)
	{
		if ($lines->[$i] =~ /^<!-- (\w+)\b ?(.*?) ?-->$/)
		{
			my $kind = $1;

			die "mark without a block at $mark->{place}" if $mark;
			$mark = { kind => $kind, argument => $2, page => $page, place => "$page:" . ($i + 1) };
			die "unknown mark at $mark->{place}" unless $kind =~ /^(?:test|output|received|wait|database|package|servers)$/;
			next if $kind !~ /^(?:wait|database)$/;
			push @steps, $mark;
			$mark = undef;
		}
		elsif ($lines->[$i] =~ /^```(\w*)$/)
		{
			my ($language, $from) = ($1, ++$i);

			$i++ until $lines->[$i] =~ /^```$/;
			my $text = join '', @$lines[ $from .. $i - 1 ];
			push @$unmarked, "$page:$from" if !$mark && ($language eq 'sql' || $text =~ $statement);
			push @steps, { %$mark, from => $from, to => $i - 1, text => $text } if $mark && $mark->{kind} !~ /^(?:package|servers)$/;
			$mark = undef;
		}
		elsif ($mark && $lines->[$i] =~ /\S/)
		{
			die "mark without a block at $mark->{place}";
		}
	}
	die "mark without a block at $mark->{place}" if $mark;
	return @steps;
}

# Values that differ from run to run, by their kind.
sub by_kind
{
	my ($text) = @_;

	for ($text)
	{
		s/\d{4}-\d\d-\d\d \d\d:\d\d:\d\d(\.\d+)?[+-]\d\d(:\d\d)?/TIME/g;
		s/\b\d\d:\d\d:\d\d\.\d+\b/AGE/g;
		s/\b[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}\b/UUID/g;
		s/("(?:timestamp|event_time|eventTime|event_at|conversionHappenedAt)": ?)\d{10}(?:\d{3})?\b/$1TIME/g;
		s/\(process \d+\)/(process N)/g;
		s/\b\d+ (bytes|kB|MB)\b/SIZE/g;
		s/\b\d+ bytes\b/SIZE/g;
		s/-{2,}/-/g;
		s/[ \t]+/ /g;
		s/ $//mg;
		s/^ //mg;
	}
	return $text;
}

my (%lines, @unmarked, @steps);

for my $page (@pages)
{
	$lines{$page} = [ split /^/, slurp_file("$top/$page") ];
	push @steps, read_steps($page, $lines{$page}, \@unmarked);
}
is(join(' ', sort map { 'doc/' . basename($_) } glob "$top/doc/*.md"),
	join(' ', sort grep { m{^doc/} } @pages), 'each page of the manual is read');
is(join(' ', @unmarked), '', 'each example is run');
cmp_ok(scalar(grep { $_->{kind} eq 'test' } @steps), '>', 0, 'the manual has examples');

my $receiver = EcapiReceiver->start(args => [ '--expect-auth', "Bearer $token" ]);
my $kafka = EcapiKafka->start(args => [ '-b', 1 ]);
my $cluster = EcapiCluster->create(extension => 0, conf => "timezone = 'UTC'\ndatestyle = 'ISO'\nmax_worker_processes = 20\n");

$cluster->write_credential($_, "$token\n")
  for map { "$_.token" } qw(demo meta google tiktok pinterest reddit microsoft linkedin snap ga4 openai amazon pubsub);

my ($database, $printed, $shown) = ('postgres', '', 0);

sub run_example
{
	my ($step) = @_;
	my $fails = $step->{argument} eq 'error';
	my $sql = $step->{text};
	my $real = $receiver->url('');

	my $brokers = $kafka->bootstrap;

	$sql =~ s/\Q$example_url\E/$real/g;
	$sql =~ s/\Q$example_brokers\E/$brokers/g;
	$printed = '';
	IPC::Run::run(
		[ 'psql', '-X', '-v', 'ON_ERROR_STOP=1', '-d', $cluster->connstr($database) ],
		'<', \$sql, '>&', \$printed);
	$printed =~ s/\Q$real\E/$example_url/g;
	$printed =~ s/\Q$brokers\E/$example_brokers/g;
	$printed =~ s/\n+\z/\n/;
	# the manual is true on releases before the newest, too, of which the doctor says more
	while ($printed =~ s/^ *warning *\| PostgreSQL [\d.]+ has a fault: [^\n]*\n(.*?^\()(\d+) rows?\)/$1 . ($2 - 1) . ($2 == 2 ? ' row)' : ' rows)')/mse)
	{
	}
	is($printed =~ /^ERROR: /m ? 'error' : 'no error', $fails ? 'error' : 'no error',
		"example at $step->{place}")
	  or diag($printed);
}

sub compare
{
	my ($step, $got) = @_;

	is(by_kind($got), by_kind($step->{text}), "$step->{kind} at $step->{place}");
	$step->{got} = $got;
}

for my $step (@steps)
{
	if ($step->{kind} eq 'test')
	{
		run_example($step);
	}
	elsif ($step->{kind} eq 'wait')
	{
		ok($cluster->in($database)->wait_sql($step->{argument}), "condition at $step->{place}");
	}
	elsif ($step->{kind} eq 'database')
	{
		$database = $step->{argument};
		$cluster->sql("CREATE DATABASE $database")
		  unless $cluster->sql("SELECT true FROM pg_database WHERE datname = '$database'");
	}
	elsif ($step->{kind} eq 'output')
	{
		compare($step, $printed);
	}
	else
	{
		my @events = $receiver->events;

		compare($step, join('', map { "$_\n" } @events[ $shown .. $#events ]));
		$shown = @events;
	}
}

is($receiver->stats->{rejected}, 0, 'the receiver refused none of what the examples sent');

my $log = $cluster->log_text;
unlike($log, qr/\Q$token\E/, 'the token is not in the log');

if ($ENV{ECAPI_README})
{
	for my $step (reverse grep { defined $_->{got} } @steps)
	{
		splice @{ $lines{ $step->{page} } }, $step->{from}, $step->{to} - $step->{from} + 1, $step->{got};
	}
	for my $page (@pages)
	{
		make_path(dirname("$ENV{ECAPI_README}/$page"));
		open my $out, '>', "$ENV{ECAPI_README}/$page" or die "could not write $page: $!";
		print $out @{ $lines{$page} };
		close $out;
	}
}

$cluster->stop;
$receiver->stop;
done_testing();
