# What "make install" puts below DESTDIR, in the sources and in a directory beside them, and that "make uninstall" takes all of it away.
#
# Objects that this run has built are used again, but for one folder, which shows that a build outside of the sources makes its folders.
use strict;
use warnings;

use File::Find ();
use FindBin;
use IPC::Run ();
use PostgreSQL::Test::Utils;
use Test::More;

my $top = "$FindBin::RealBin/../..";
my $work = PostgreSQL::Test::Utils::tempdir();
my ($inside, $source, $outside) = map { "$work/$_" } qw(inside source outside);

# Run a command; its output is shown where it fails.
sub run
{
	my (@command) = @_;
	my $said = '';

	# as a shell of the caller's has it
	local %ENV = %ENV;
	delete @ENV{qw(MAKEFLAGS MAKELEVEL MFLAGS VPATH)};
	return 1 if IPC::Run::run(\@command, '<', \undef, '>&', \$said);
	diag($said);
	return 0;
}

# Bitcode is left out: it takes another compiler.
sub make
{
	my ($directory, @rest) = @_;

	return run('make', '-C', $directory, 'with_llvm=no', @rest);
}

# All files below a directory, and the folder that is named after us.
sub found
{
	my ($directory) = @_;
	my @found;

	File::Find::find(
		{
			no_chdir => 1,
			wanted => sub { push @found, substr($_, length $directory) if -f || m{/ecapi$} }
		},
		$directory);
	return sort @found;
}

mkdir $_ or die "$_: $!" foreach $inside, $source, $outside;
my @sources = map { "$top/$_" } qw(Makefile ecapi.control sql doc src);

# with their times, so that what is built stays so
run('cp', '-a', @sources, glob("$top/ecapi*.so"), $inside) or die 'could not copy the build';
run('cp', '-a', @sources, $source) or die 'could not copy the sources';
run('sh', '-c', 'cd "$1" && find src -name "*.[od]" | tar -c -T - -f - | tar -x -C "$2" -f -', 'sh', $inside, $outside)
  or die 'could not copy the objects';
run('find', $source, '-name', '*.[od]', '-delete') or die 'could not remove objects';
run('rm', '-r', "$outside/src/base") or die 'could not remove a folder';

ok(make($inside, 'install', "DESTDIR=$work/first"), 'make install DESTDIR');
my @installed = found("$work/first");
my @pages = map { m{([^/]+)$} } glob("$top/doc/*");
my ($pkglibdir, $sharedir, $docdir) = map { my $out = `pg_config --$_`; chomp $out; $out } qw(pkglibdir sharedir docdir);
is_deeply(
	\@installed,
	[
		sort "$pkglibdir/ecapi.so", "$pkglibdir/ecapi_kafka.so", "$pkglibdir/ecapi_model.so", "$pkglibdir/ecapi_report.so", "$sharedir/extension/ecapi.control",
		(map { m{/sql/(.*)$}; "$sharedir/extension/$1" } glob("$top/sql/ecapi--*.sql")),
		"$docdir/extension/ecapi", map { "$docdir/extension/ecapi/$_" } @pages
	],
	'the libraries, the control file, the scripts and the manual, and nothing else');

ok(make($outside, '-f', "$source/Makefile", "VPATH=$source"), 'make in another directory');
ok(make($outside, '-f', "$source/Makefile", "VPATH=$source", 'install', "DESTDIR=$work/second"), 'make install from there');
is_deeply([ found("$work/second") ], \@installed, 'the same files');
ok(run('sh', '-c', "cd '$source' && ! find . -name '*.o' -o -name '*.so' -o -name '*.d' | grep ."), 'nothing was built beside the sources');

ok(make($inside, 'uninstall', "DESTDIR=$work/first"), 'make uninstall DESTDIR');
is_deeply([ found("$work/first") ], [], 'nothing is left');
ok(make($outside, '-f', "$source/Makefile", "VPATH=$source", 'uninstall', "DESTDIR=$work/second"), 'make uninstall from there');
is_deeply([ found("$work/second") ], [], 'nothing is left there either');

done_testing();
