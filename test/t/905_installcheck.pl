# "make installcheck" as PGXS has it: against a server of the caller it says what is missing, all of it at once, and runs the tests of each
# kind when nothing is.
#
# It runs in a copy of the tests, for make empties directories that this run uses.
use strict;
use warnings;

use FindBin;
use lib $FindBin::RealBin;

use EcapiCluster;
use IPC::Run ();
use PostgreSQL::Test::Utils;
use Test::More;

my $top = "$FindBin::RealBin/../..";
my $copy = PostgreSQL::Test::Utils::tempdir();
my $cluster = EcapiCluster->create(preload => 0, extension => 0, conf => "max_prepared_transactions = 0\n");

# with their times, so that what is built stays so
my $said = '';

IPC::Run::run([ 'cp', '-a', (map { "$top/$_" } qw(Makefile ecapi.control sql src expected test)), $copy ], '>&', \$said)
  or die "could not copy the sources: $said";

# Run it with variables of make; returns whether it passed, and all that it printed.
sub installcheck
{
	my (@variables) = @_;
	my $printed = '';

	# as a shell of the caller's has it, which knows nothing of this test
	local %ENV = $cluster->_get_env;
	delete @ENV{qw(PERL5LIB TESTDIR TESTDATADIR TESTLOGDIR PG_REGRESS)};
	my $passed = IPC::Run::run([ 'make', '-C', $copy, 'installcheck', @variables ], '<', \undef, '>&', \$printed);
	return ($passed, $printed);
}

my ($passed, $printed) = installcheck();
ok(!$passed, 'without the library preloaded it does not begin');
like($printed, qr/shared_preload_libraries = 'ecapi' in postgresql\.conf/, 'it says what is missing');
like($printed, qr/set max_prepared_transactions/, 'all of it');
is(scalar(() = $printed =~ /^make installcheck: /mg), 2, 'and nothing else');
unlike($printed, qr/running regression test queries/, 'before any test');

{
	local $ENV{PGHOST} = '/nonexistent';
	my $printed = '';

	IPC::Run::run([ 'make', '-C', $copy, 'installcheck' ], '<', \undef, '>&', \$printed);
	like($printed, qr/No server answers; name yours by PGHOST/, 'no server: it says how to name one');
}

$cluster->append_conf('postgresql.conf', "shared_preload_libraries = 'ecapi'\nmax_prepared_transactions = 10\n");
$cluster->restart;
($passed, $printed) = installcheck('REGRESS=values options', 'ISOLATION=start', 'PROVE_TESTS=test/t/042_vectors.pl');
ok($passed, 'with both set it passes') or diag($printed);
like($printed, qr/^(?:test $_ +\.\.\. ok|ok \d+ +[-+] $_ )/m, "test $_ was run") for qw(values options start);
like($printed, qr/^test\/t\/042_vectors\.pl \.+ ok/m, 'so was the TAP test');

$cluster->stop;
done_testing();
