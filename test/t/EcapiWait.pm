# EcapiWait: waiting for a condition, for the modules beside this one.
#
#   wait_until(sub { -e $file }, 'the file is there');
#
# A test waits for what it wants to see and never for a time, so a busy machine
# makes it slower and not wrong.  The deadline is for a condition that never
# comes; it is long, because nothing but a failing test reaches it.
package EcapiWait;

use strict;
use warnings;

use Exporter qw(import);
use Time::HiRes ();

our @EXPORT_OK = qw(wait_until);

# Seconds that a wait may take before it gives up.
our $DEADLINE = $ENV{ECAPI_DEADLINE} // 240;

# Call a function until it returns true, and return that.  Dies after the
# deadline, with what was waited for and what $explain, a function, returns.
sub wait_until
{
	my ($condition, $what, $explain) = @_;
	my $until = Time::HiRes::time() + $DEADLINE;

	for (;;)
	{
		my $result = $condition->();

		return $result if $result;
		last if Time::HiRes::time() > $until;
		Time::HiRes::sleep(0.03);
	}
	my $state = $explain ? eval { $explain->() } // "could not tell: $@" : '';

	die "gave up after $DEADLINE s waiting for: $what\n$state\n";
}

1;
