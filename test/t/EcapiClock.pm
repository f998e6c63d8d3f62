# EcapiClock: a clock for a server that a test moves (test/clock/clock.c).
#
#   my $clock = EcapiClock->new;
#   my $cluster = $clock->under(sub { EcapiCluster->create });
#   $clock->move(3600, $receiver);       # the server's, and a receiver's with it
#   $receiver->start_again; $clock->set($receiver);
package EcapiClock;

use strict;
use warnings;

use FindBin;
use PostgreSQL::Test::Utils;

# By how much the clock is off that this program runs by itself, in microseconds.
sub _ours_us
{
	my $path = $ENV{ECAPI_TEST_CLOCK} // return 0;

	open(my $in, '<', $path) or die "open: $!";
	sysread($in, my $bytes, 8) == 8 or die "read: $!";
	close $in;
	return unpack('q', $bytes);
}

# Builds the library; the clock is this program's so far.
sub new
{
	my ($class) = @_;
	my $directory = PostgreSQL::Test::Utils::tempdir();
	my $self = bless {
		library => "$directory/clock.so",
		file => "$directory/clock",
		now => 0,
		ours_us => _ours_us()
	}, $class;

	open(my $new, '>', $self->{file}) or die "open: $!";
	close $new or die "close: $!";
	$self->_write;
	system_or_bail($ENV{CC} // 'cc', '-O2', '-shared', '-fPIC', '-o', $self->{library},
		"$FindBin::RealBin/../clock/clock.c", '-ldl');
	return $self;
}

# The file is mapped, so it is written in place.
sub _write
{
	my ($self) = @_;

	open(my $out, '+<', $self->{file}) or die "open: $!";
	syswrite($out, pack('q', $self->{ours_us} + $self->{now} * 1_000_000)) == 8 or die "write: $!";
	close $out or die "close: $!";
	return;
}

# Call a function whose servers run by this clock.
sub under
{
	my ($self, $start) = @_;
	local $ENV{LD_PRELOAD} = $self->{library};
	local $ENV{ECAPI_TEST_CLOCK} = $self->{file};

	return $start->();
}

# Move it on by that number of seconds, and the clocks of receivers that run.
sub move
{
	my ($self, $seconds, @receivers) = @_;

	$_->clock($seconds) for @receivers;
	$self->{now} += $seconds;
	return $self->_write;
}

# Set it, in seconds after (or, negative, before) this program's.
sub at
{
	my ($self, $seconds) = @_;

	$self->{now} = $seconds;
	return $self->_write;
}

# Let a receiver that was just started have the same time.
sub set { return $_[1]->clock($_[0]{now}) }

1;
