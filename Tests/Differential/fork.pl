use strict; use warnings;
$| = 1;
my @list = (1 .. 5);
my $pid = fork();
if (!$pid) { push @list, 6; exit scalar @list }
waitpid($pid, 0);
print $? >> 8, " ", scalar @list, "\n";
print `echo from the shell`;
open(my $in, "-|", "seq 3") or die; print <$in>; close $in;
open(my $out, "|-", "tr a-z A-Z") or die; print $out "upper\n"; close $out;
system("false"); print $?, "\n";
system("sh", "-c", "kill -9 \$\$"); print $? & 127, "\n";
pipe(my $r, my $w);
if (!fork()) { close $r; print $w "line $_\n" for 1 .. 3; exit 0 }
close $w; print <$r>; wait; print "status $?\n";
my @pids; for my $i (1 .. 5) { my $p = fork(); if (!$p) { exit $i } push @pids, $p }
my $sum = 0; for (@pids) { waitpid($_, 0); $sum += $? >> 8 } print "$sum\n";
exec "echo", "the end";
