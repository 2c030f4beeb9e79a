# gcc and g++ through their own drivers: cc1, as, collect2 and ld are other programs, some at the same address.
set -e
mkdir -p /tmp/compile && cd /tmp/compile
cat > a.c <<'E'
#include <stdio.h>
int twice(int);
int main(void) { printf("%d\n", twice(21)); return 0; }
E
echo 'int twice(int x) { return 2 * x; }' > b.c
gcc -O2 -Wall -c a.c && gcc -O2 -pipe -c b.c && gcc -o c a.o b.o && ./c
ar rcs libb.a b.o && gcc -static -o d a.c -L. -lb && ./d
cat > e.cpp <<'E'
#include <iostream>
#include <map>
#include <string>
int main() {
  std::map<std::string, int> m{{"one", 1}, {"two", 2}};
  for (auto &p : m) std::cout << p.first << " " << p.second << "\n";
  try { throw std::string("thrown"); } catch (std::string &s) { std::cout << s << "\n"; }
}
E
g++ -O1 -std=c++17 -o e e.cpp && ./e
gcc -shared -fPIC -o libs.so b.c && gcc -o f a.c -L. -ls -Wl,-rpath,. && ./f
echo 'int broken(' > g.c
gcc -c g.c 2>&1 || echo "status $?"
gcc -E -P b.c
gcc -S -o - b.c | grep -c ret
printf 'all: c2\nc2: a.c b.c\n\tgcc -o $@ a.c b.c\n' > Makefile
if command -v make >/dev/null; then make -s && ./c2; fi
