# EcapiInstallation: a copy of the server's installation that a test may change.
#
#   my $copy = EcapiInstallation->create;
#   my $cluster = EcapiCluster->create(install_path => $copy->path);
#   my $older = $copy->build('1.0');          # a library that says it is of 1.0
#   my $other = $copy->build_with('src/base/server_fault.c', $text);   # with another source
#   $copy->put($older);                       # servers load it from their next start on
#   $copy->step('1.1', '1.2', 'SELECT ...');  # a further version of the SQL, and the default
#
# Programs look for libraries beside themselves, so a copy of the programs with links to
# all the rest is a whole installation.  Other tests may be using the real one.
package EcapiInstallation;

use strict;
use warnings;

use Cwd qw(abs_path);
use File::Basename qw(dirname);
use PostgreSQL::Test::Utils;

my $top = abs_path(dirname(__FILE__) . '/../..');

sub _run
{
	my (@command) = @_;

	# as a shell of the caller's has it
	local %ENV = %ENV;
	delete @ENV{qw(MAKEFLAGS MAKELEVEL MFLAGS VPATH)};
	my ($out, $error) = run_command(\@command);
	die "@command failed: $out$error" if $? != 0;
	return $out;
}

sub create
{
	my ($class) = @_;
	my %dir = map { chomp(my $path = `pg_config --$_`); ($_ => $path) } qw(bindir pkglibdir sharedir);

	# what all three have in common is the copy's root
	my $root = $dir{bindir};
	$root = dirname($root) while grep { index("$_/", "$root/") != 0 } values %dir;
	my $copy = PostgreSQL::Test::Utils::tempdir();
	my %copied = map { ($_ => $copy . substr($dir{$_}, length $root)) } keys %dir;

	for my $which (sort keys %dir)
	{
		_run('mkdir', '-p', dirname($copied{$which}));
		_run('cp', $which eq 'bindir' ? '-a' : '-as', $dir{$which}, $copied{$which});
	}
	return bless { %copied }, $class;
}

# For install_path of EcapiCluster.
sub path { return dirname($_[0]{bindir}) }

sub pkglibdir { return $_[0]{pkglibdir} }

# The file of the library.
sub library { return "$_[0]{pkglibdir}/ecapi.so" }

# Let another file be the library, in one step, as a package does: what runs keeps the
# one that it has loaded.
sub put
{
	my ($self, $file) = @_;

	_run('cp', $file, $self->library . '.new');
	rename $self->library . '.new', $self->library or die "rename: $!";
	return;
}

# A copy of the sources and of what was built of them.
sub _sources
{
	my $place = PostgreSQL::Test::Utils::tempdir();

	_run('cp', '-a', (map { "$top/$_" } qw(Makefile ecapi.control sql doc src)), $place);
	return $place;
}

sub _library
{
	my ($place) = @_;

	_run('make', '-s', '-C', $place, 'with_llvm=no', 'ecapi.so');
	return "$place/ecapi.so";
}

# The library of this run under another version, and without some of its sources; returns
# its file.  Objects that were built are used again, but for those that know the version.
sub build
{
	my ($self, $version, @without) = @_;
	my $place = _sources();

	_run('sed', '-i', "s/^default_version = .*/default_version = '$version'/", "$place/ecapi.control");
	for my $source (@without)
	{
		_run('sed', '-i', "\\,^\tsrc/$source\\.o \\\\\$,d", "$place/Makefile");
	}
	my @knows = split /\n/, _run('grep', '-rlwE', '--include=*.[ch]', 'ECAPI_VERSION|ECAPI_USER_AGENT', "$place/src");
	unlink map { s/\.c$/.o/r } grep { /\.c$/ } @knows;
	return _library($place);
}

# The library of this run, but for the text of one source file; returns its file.
sub build_with
{
	my ($self, $source, $text) = @_;
	my $place = _sources();

	unlink "$place/$source", "$place/$source" =~ s/\.c$/.o/r;
	append_to_file("$place/$source", $text);
	return _library($place);
}

# A step of SQL to a version beyond that of the sources, which becomes the default.
sub step
{
	my ($self, $from, $to, $sql) = @_;
	my $folder = "$self->{sharedir}/extension";
	my $control = slurp_file("$folder/ecapi.control") =~ s/^default_version = .*/default_version = '$to'/mr;

	append_to_file("$folder/ecapi--$from--$to.sql", $sql);
	unlink "$folder/ecapi.control" or die "unlink: $!";
	append_to_file("$folder/ecapi.control", $control);
	return;
}

1;
