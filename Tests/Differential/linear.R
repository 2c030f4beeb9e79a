# R solves a linear system, fits a model and samples with a seed.
n <- 300
a <- outer(1:n, 1:n, function(i, j) (i * j) %% 17) + n * diag(n)
x <- 1:n
y <- solve(a, a %*% x)
cat(max(abs(y - x)) < 1e-8, "\n")
set.seed(42)
u <- rnorm(100)
v <- 3 * u + 1 + rnorm(100) / 10
print(round(coef(lm(v ~ u)), 6))
print(summary(c(1, 2, 3, 10)))
s <- svd(matrix(1:6, 2))
print(round(s$d, 8))
e <- tryCatch(stop("no"), error = function(e) conditionMessage(e))
print(e)
cat(format(Sys.time(), "%Y") > "2020", "\n")
