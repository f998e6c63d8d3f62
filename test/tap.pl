# tap.pl - run test programs that print TAP, and count what they found.
#
#	perl test/tap.pl COUNTS JOBS PROGRAM...
#
# A program is a Perl script or an executable.  Its report goes to standard
# output as prove would print it.  The file COUNTS gets one line, "PASSED
# FAILED SKIPPED", in single tests: the ok lines of the top level (a subtest
# is one).  A test that was skipped has not passed.  A program that died, did
# not keep its plan, printed nothing or gave a bad exit status although no
# single test failed, counts as one failed test; so does one listed test that
# prints no test at all without saying that it skips them.
#
# Exits with 0 when nothing failed.  Only modules of Perl itself are used.

use strict;
use warnings;

use TAP::Harness;

my ($counts, $jobs, @programs) = @ARGV;
die "usage: tap.pl COUNTS JOBS PROGRAM...\n" unless @programs;

my $harness = TAP::Harness->new(
	{
		jobs     => $jobs,
		failures => 1,
		timer    => 1,
		lib      => [ split /:/, $ENV{PERL5LIB} // '' ],
	});
my $result = $harness->runtests(@programs);

my ($passed, $failed, $skipped) = (0, 0, 0);
for my $parser ($result->parsers)
{
	my $wrong   = scalar $parser->failed;
	my $skips   = scalar $parser->skipped;
	my $right   = scalar($parser->passed) - $skips;
	my $nothing = !$parser->tests_run && !$parser->skip_all;

	$wrong++
	  if $parser->parse_errors || $nothing || (!$wrong && ($parser->exit || $parser->wait));
	$passed  += $right > 0 ? $right : 0;
	$failed  += $wrong;
	$skipped += $parser->skip_all ? 1 : $skips;
}

open my $out, '>', $counts or die "could not write \"$counts\": $!\n";
print $out "$passed $failed $skipped\n";
close $out or die "could not write \"$counts\": $!\n";
exit($failed ? 1 : 0);
