# 900_readme.pl - the examples of README.md, run as a reader would run them.
#
# Marks, each a line of its own in README.md, say what the next fenced block is:
#
#	<!-- test -->			SQL, run by psql; an error fails the test
#	<!-- test error -->		SQL that ends in an error
#	<!-- output -->			what the block before it printed
#	<!-- wait QUERY -->		no block: wait until QUERY gives t, then go on
#	<!-- received -->		what the receiver got since the mark before
#
# Blocks run in the order of the page, against one server with the extension
# preloaded, one psql each.  http://127.0.0.1:8080 stands for the receiver.
# Printed values that differ from run to run (times, generated ids, process
# numbers, sizes) are compared by their kind.  Nothing else of the page is run.
#
# With ECAPI_README naming a file, the page is written there with what was
# printed in this run in place of its output blocks.
#
# The page also names each function of schema ecapi, for these are what users call.
use strict;
use warnings;

use Cwd qw(abs_path);
use File::Basename qw(dirname);
use IPC::Run ();
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

use lib dirname(abs_path(__FILE__));
use EcapiReceiver;

my $page = dirname(abs_path(__FILE__)) . '/../../README.md';
my $example_url = 'http://127.0.0.1:8080';
my $token = 'demo-token';

my @lines = split /^/, slurp_file($page);

# The page as a list of hashes: kind, argument, text and the lines of the text.
sub read_steps
{
	my ($mark, @steps);

	for (my $i = 0; $i < @lines; $i++)
	{
		if ($lines[$i] =~ /^<!-- (test|output|wait|received)\b ?(.*?) ?-->$/)
		{
			die "mark without a block at line $i" if $mark;
			$mark = { kind => $1, argument => $2, line => $i + 1 };
			next unless $1 eq 'wait';
			push @steps, $mark;
			$mark = undef;
		}
		elsif ($lines[$i] =~ /^```/)
		{
			my $from = ++$i;

			$i++ until $lines[$i] =~ /^```$/;
			next unless $mark;
			push @steps, { %$mark, from => $from, to => $i - 1,
				text => join('', @lines[ $from .. $i - 1 ]) };
			$mark = undef;
		}
		elsif ($mark && $lines[$i] =~ /\S/)
		{
			die "mark without a block at line $mark->{line}";
		}
	}
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
		s/("timestamp": ?)\d{10}\b/$1TIME/g;
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

my @steps = read_steps();
cmp_ok(scalar(grep { $_->{kind} eq 'test' } @steps), '>', 0, 'the page has examples');

my $receiver = EcapiReceiver->start(args => [ '--expect-auth', "Bearer $token" ]);
my $node = PostgreSQL::Test::Cluster->new('readme');
my $credentials = PostgreSQL::Test::Utils::tempdir();

append_to_file("$credentials/demo.token", "$token\n");
$node->init;
$node->append_conf('postgresql.conf', <<"END");
shared_preload_libraries = 'ecapi'
ecapi.credential_directory = '$credentials'
timezone = 'UTC'
datestyle = 'ISO'
END
$node->start;

my ($printed, $shown) = ('', 0);

sub run_example
{
	my ($step) = @_;
	my $fails = $step->{argument} eq 'error';
	my $sql = $step->{text};
	my $real = $receiver->url('');

	$sql =~ s/\Q$example_url\E/$real/g;
	$printed = '';
	IPC::Run::run(
		[ 'psql', '-X', '-v', 'ON_ERROR_STOP=1', '-d', $node->connstr('postgres') ],
		'<', \$sql, '>&', \$printed);
	$printed =~ s/\Q$real\E/$example_url/g;
	$printed =~ s/\n+\z/\n/;
	is($printed =~ /^ERROR: /m ? 'error' : 'no error', $fails ? 'error' : 'no error',
		"example at line $step->{line}")
	  or diag($printed);
}

sub compare
{
	my ($step, $got) = @_;

	is(by_kind($got), by_kind($step->{text}), "$step->{kind} at line $step->{line}");
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
		ok($node->poll_query_until('postgres', $step->{argument}),
			"condition at line $step->{line}");
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

# in a database of its own: the last examples remove the extension
$node->safe_psql('postgres', 'CREATE DATABASE surface');
$node->safe_psql('surface', 'CREATE EXTENSION ecapi');
my @called = split /\n/, $node->safe_psql('surface',
	"SELECT DISTINCT proname FROM pg_proc WHERE pronamespace = 'ecapi'::regnamespace ORDER BY 1");
my $manual = join '', @lines;
ok(@called > 20, 'schema ecapi has functions');
is(join(' ', grep { $manual !~ /\becapi\.$_\b/ } @called), '',
	'the page names each function of schema ecapi');

my $log = slurp_file($node->logfile);
unlike($log, qr/\Q$token\E/, 'the token is not in the log');

if ($ENV{ECAPI_README})
{
	for my $step (reverse grep { defined $_->{got} } @steps)
	{
		splice @lines, $step->{from}, $step->{to} - $step->{from} + 1, $step->{got};
	}
	open my $out, '>', $ENV{ECAPI_README} or die "could not write: $!";
	print $out @lines;
	close $out;
}

$node->stop;
$receiver->stop;
done_testing();
