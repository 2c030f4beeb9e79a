% Octave solves a linear system, with threads in BLAS where there are any.
n = 400;
a = mod((1:n)' * (1:n), 17) + n * eye(n);
x = (1:n)';
b = a * x;
y = a \ b;
printf("%d\n", norm(y - x) / norm(x) < 1e-10);
printf("%.6f\n", det(a(1:5, 1:5)));
[q, r] = qr(a(1:50, 1:50));
printf("%d\n", norm(q * r - a(1:50, 1:50)) < 1e-9);
e = sort(eig([2 1; 1 3]));
printf("%.10f\n", e);
printf("%s\n", class(single(3)));
