1e10
1.5D
0.0001D
double('NaN')
double('-inf')
cast(1.1 as float)
price
cast(0.0000001 as decimal(10,7))
ts
timestamp '2025-01-15 10:30:00.123456'
day
'q"uo\\te\n\u0001é'
X'68656c6c6f'
a
words
st
map('a', 1, 'b', 2)
interval '1 02:03:04' day to second
interval '1-2' year to month
true
