set s 0
for {set i 0} {$i < 10000} {incr i} { incr s $i }
puts $s
puts [clock format 0 -gmt 1]
