# A short run of test/chaos/run.pl, which says what it does and compares: some
# twenty seconds in which everything goes wrong, with a few kills of the
# postmaster among it.  ECAPI_SEED repeats the decisions of a run.
use strict;
use warnings;

use FindBin;
use lib $FindBin::RealBin;

use EcapiReceiver;
use PostgreSQL::Test::Utils;
use Test::More;

my $seed = $ENV{ECAPI_SEED} // int(rand 1_000_000);
my $dir = PostgreSQL::Test::Utils::tempdir_short();
chomp(my $bindir = `pg_config --bindir`);

diag "seed $seed";
open(my $run, '-|', $^X, "$FindBin::RealBin/../chaos/run.pl", '--bindir', $bindir, '--dir', $dir,
	'--receiver', EcapiReceiver->binary, '--seconds', 20, '--kills', 3, '--seed', $seed)
  or die "could not run: $!";
my @lines = <$run>;
close $run;
my $status = $?;

note $_ for @lines;
my @wrong = grep { /^NOT OK/ } @lines;
my %count = map { /^(\S.*?)\s+(\d+)$/ ? ($1 => $2) : () } @lines;

is($status, 0, 'nothing is lost, and nothing is sent that should not be') or diag @wrong;
is(scalar(@wrong), 0, 'no finding');
cmp_ok($count{'postmaster killed'} // 0, '>=', 3, 'the postmaster was killed three times');
cmp_ok($count{'worker killed'} // 0, '>=', 1, 'and so was the worker');
cmp_ok($count{'requests refused or cut'} // 0, '>', 0, 'requests went wrong');
if ($status != 0)
{
	diag slurp_file("$dir/$_") for grep { -e "$dir/$_" } qw(sql.log programs.log);
}

done_testing();
