-- literals
1
1L
1.50
-2147483648
-2147483649
9223372036854775808
1e3
1.5E3
2.5D
1.5F
1.5BD
.5
'it''s'
"double"
'a' 'b'
'tab\there'
'\u00e9'
r'raw\n'
'100\%'
true
NULL
X'1F2a'
date '2025-01-31'
timestamp '2025-01-31 12:00:00'
interval '5 minutes'
interval 5 minutes
interval 1 hour 30 minutes
interval '1' day
interval '1-2' year to month
interval '1 02:03:04' day to second
interval 2 weeks
-- arithmetic
1 + 1
i + 1
i + l
i / 2
7 / 2
i div 2
-7 div 2
-7 % 3
7.5 % 2
d % 2
i / 0
i % 0
i div 0
d / 0
1 + 2 * 3
(1 + 2) * 3
-i
- -i
+i
i - d
price * qty
price * 1.1
price / 3
price + 1
price - dec
price * price
price % 3
price / 0
price div 3
dec * d
fl + 1
fl + fl
fl * 2.0D
fl * 1.5
cast(fl as double)
fl / 2
num + 1
num * 2
frac + 1
word + 1
num + num
num - i
num / 2
num div 5
d * i
l + 1
e
e * 10
d * 1e10
0.1 + 0.2
0.1D + 0.2D
1 / 3
cast(1 as decimal(38,10)) * cast(3 as decimal(38,10))
cast(1 as decimal(38,0)) / 3
cast(10 as decimal(20,10)) / cast(3 as decimal(20,10))
9999999999 * 9999999999.5
i * null
null + 1
i & 3
i | 8
i ^ 2
~i
i << 2
i >> 1
-8 >>> 1
-8L >>> 1
-8 >> 1
1 << 33
l << 1
-- comparison
i = 7
i == 7.0
i <> 7
i != 8
i < d
l = 9007199254740993
l = 9007199254740992
d > 2
num = 42
num > 5
num = '42'
frac = 1
frac > 1
word = 1
word > 1
frac = 1.5
num = 42.0
price = 19.99
price > '5'
price = d
ts > '2025-01-15'
ts < '2025-01-15'
ts = '2025-01-15 10:30:00.123'
ts < ts2
ts > date '2025-01-15'
day > '2025-01-30'
day = '2025-01-31'
day < ts
b = true
b = 'true'
b = 1
n = 1
n = n
n <=> n
n <=> 1
i <=> 7
s = 'hello'
'hello' = s
s < 'help'
'B' < 'a'
double('NaN') = double('NaN')
double('NaN') > 1e300
-0.0D = 0.0D
a = array(1, 2, 3)
st.x = 1
struct(1, 'a') < struct(1, 'b')
-- logic
b and f
b or f
not b
!b
b and null
f and null
b or null
f or null
not n is null
not i = 7 and b
i = 7 or word and f
n is null
n is not null
b is true
f is not true
n is true
n is unknown
(n > 1) is null
i is distinct from 7
n is distinct from null
n is not distinct from null
i between 5 and 7
i not between 8 and 9
i between null and 3
i between null and 9
s between 'a' and 'z'
ts between '2025-01-15' and '2025-01-16'
i in (1, 7)
i not in (1, 2)
i in (1, null)
i in (7, null)
i not in (2, null)
s in ('x', 'hello')
num in (1, 42)
n in (1)
i in ('7')
i in (7.0, 8)
-- strings
s like 'h%'
s like '%ll_'
s like 'ell'
s not like 'x%'
s ilike 'HE%'
s rlike 'l+'
s regexp '^h.*o$'
s like any ('x%', '%o')
s like all ('h%', '%x')
'a_b' like 'a\_b'
'a%b' like 'a#%b' escape '#'
uni like 'gr_ße_'
i like '7'
n like 'x'
s || '!'
s || n
s || i
concat(s, ' ', num)
-- case
case when i > 5 then 'big' when i > 3 then 'mid' else 'small' end
case when n > 5 then 'big' end
case i when 7 then 'seven' else 'other' end
case i when 1 then 1 when 7 then 2.5 end
case when b then 1 else 2L end
case when b then 1 else 'x' end
case n when null then 1 else 2 end
case when b then day else ts end
if(i > 5, 'y', 'n')
if(n, 1, 2)
if(b, 1, 2.5)
coalesce(n, i)
coalesce(n, null)
coalesce(n, 1.5)
coalesce(n, 'x')
nvl(n, 0)
ifnull(i, 0)
nvl2(n, 1, 2)
nullif(i, 7)
nullif(i, 8)
-- casts
cast('1.9' as int)
cast('-1.9' as int)
cast('1e3' as int)
cast(' 5 ' as int)
cast('5.' as int)
cast('.5' as int)
cast('.' as int)
cast('+7' as int)
cast('' as int)
cast('abc' as int)
try_cast('abc' as int)
try_cast('1.9' as int)
cast('9223372036854775808' as bigint)
cast(1.9 as int)
cast(-1.9D as int)
cast(double('NaN') as int)
cast(1e300 as int)
cast(1e300 as bigint)
cast(true as int)
cast(i as string)
cast(d as string)
cast(e as string)
cast(0.0001D as string)
cast(price as string)
cast(0.0000001 as string)
cast(cast(0.0000001 as decimal(10,7)) as string)
cast(b as string)
cast(ts as string)
cast(day as string)
cast(a as string)
cast(words as string)
cast(st as string)
cast(map('a', 1, 'b', null) as string)
cast('true' as boolean)
cast('Y' as boolean)
cast('0' as boolean)
cast('maybe' as boolean)
cast(i as boolean)
cast(0.0D as boolean)
cast('1.5' as double)
cast('1e3' as double)
cast('NaN' as double)
cast('inf' as double)
cast('-Infinity' as double)
cast('1.5d' as double)
cast('1.5f' as float)
cast(' 1.5 ' as double)
cast('0x10' as double)
cast(1.1 as float)
cast(1.23456789D as float)
cast('12.345' as decimal(10,2))
cast('12.344' as decimal(10,2))
cast('1e3' as decimal(10,2))
cast('abc' as decimal(10,2))
cast(12345.678 as decimal(5,2))
cast(2.5 as decimal(10,0))
cast(-2.5 as decimal(10,0))
cast(1.005D as decimal(10,2))
cast(i as decimal(10,2))
cast(price as int)
cast(price as double)
cast('2025' as timestamp)
cast('2025-1-5' as timestamp)
cast('2025-01-15T10:30:00Z' as timestamp)
cast('2025-01-15T10:30:00+02:00' as timestamp)
cast('2025-01-15 10:30' as timestamp)
cast('2025-01-15 10:30:00.1234567' as timestamp)
cast('x' as timestamp)
cast('2025-01-15 junk' as date)
cast('2025-01' as date)
cast('2025-13-01' as date)
cast(ts as date)
cast(day as timestamp)
cast(ts as bigint)
cast(timestamp '1969-12-31 23:59:59.5' as bigint)
cast(ts as int)
cast(ts as double)
cast(ts as decimal(20,6))
cast(1700000000 as timestamp)
cast(1.5D as timestamp)
cast(1.5 as timestamp)
cast(true as timestamp)
cast(s as binary)
cast(1 as binary)
cast(cast('abc' as binary) as string)
cast(array('1', 'x', '3') as array<int>)
cast(st as struct<p: string, q: string, r: struct<deep: array<string>>>)
cast(map('1', '2') as map<int, int>)
i::string
'5'::int + 1
int('7')
string(7)
double('1.5')
boolean('t')
date('2025-01-31')
timestamp('2025-01-31')
bigint(1.9)
-- dates
day + 1
day - 31
1 + day
day - date '2025-01-01'
ts2 - ts
ts - '2025-01-01'
ts + interval 1 hour
ts + interval '1 day'
ts + interval 1 month
ts - interval 90 minutes
interval 1 hour + ts
day + interval 1 month
day + interval 1 day
day + interval 1 hour
day - interval 1 year
'2025-01-01' + interval 1 day
interval 1 hour * 2
interval 1 hour / 2
2 * interval 1 day
interval 1 hour + interval 30 minutes
interval 1 hour - interval 90 minutes
-interval 1 hour
interval 1 month * 5
(ts2 - ts) > interval 1 hour
interval 1 day = interval 24 hours
interval i hours
extract(hour from ts)
extract(year from day)
-- nested
st.y
st.in.deep[1]
st.in.deep
st['x']
a[0]
a[2]
a[3]
a[-1]
a[i]
a[i - 6]
list[0].v
list.v
list.v[1]
map('a', 1)['a']
map('a', 1)['b']
map(1, 'x')[1]
struct(i, s)
struct(i, s as t).t
named_struct('p', 1).p
array(1, 2.5)
array(1, 'x')
array(i, n)
array()
(1, 'a')
size(a)
-- lambdas
transform(a, x -> x + 1)
transform(a, (x, i) -> x * i)
filter(a, x -> x % 2 = 1)
exists(a, x -> x > 2)
exists(words, x -> x = 'z')
forall(a, x -> x > 0)
aggregate(a, 0, (acc, x) -> acc + x)
aggregate(a, 0, (acc, x) -> acc + x, acc -> acc * 10)
reduce(a, 0, (acc, x) -> acc + x)
zip_with(a, a, (x, y) -> x * y)
array_sort(a, (x, y) -> y - x)
transform(a, x -> x + i)
transform(a, x -> aggregate(a, 0, (acc, y) -> acc + x * y))
map_filter(map('a', 1, 'b', 2), (k, v) -> v > 1)
transform_values(map('a', 1), (k, v) -> v + 1)
transform_keys(map('a', 1), (k, v) -> upper(k))
-- functions through coercion
upper(i)
length(123)
abs(num)
abs(price)
round(price, 1)
round(d)
substring(s, 2)
substring(s from 2 for 3)
position('l' in s)
trim(both 'h' from s)
trim(leading from sp)
trim(sp)
greatest(1, 2.5, n)
least('a', 'b')
date_add(day, 1)
timestampdiff(minute, ts, ts2)
timestampadd(hour, 1, ts)
isnull(n)
isnan(d)
typeof(i)
sqrt(i)
current_timezone()
-- arithmetic by name
mod(-7, 3)
pmod(-7, 3)
pmod(-7.5, 3)
pmod(-7.5D, -3)
pmod(7, -3)
pmod(i, 0)
try_add(i, 1)
try_add(2147483647, 1)
try_divide(i, 0)
try_divide(price, 3)
try_subtract(d, 1)
try_multiply(9223372036854775807, 2)
try_mod(i, 0)
try_add(day, 1)
map_zip_with(map('a', 1, 'b', 2), map('b', 3, 'c', 4), (k, x, y) -> coalesce(x, 0) + coalesce(y, 0))
array_sort(a, (x, y) -> case when x < y then 1 when x > y then -1 else 0 end)
-- corners
cast(interval '1' day as string)
typeof(i + l)
typeof(price * qty)
case s when 'hello' then 1 end
s in (1, 'hello')
day in ('2025-01-31')
ts in ('2025-01-15 10:30:00.123')
day between '2025-01-01' and '2025-02-01'
num between 5 and 100
'10' < '9'
'10' < 9
b > f
st = struct(1, 'z', struct(array(10, 20)))
coalesce(n, st.x, 5)
coalesce(day, ts)
coalesce(price, d)
if(b, price, i)
if(b, a, array())
not null
n = 1 or b
n > 1 and f
-price
abs(-price)
1 - 2 - 3
2 * 3 % 4
1 + 2 || 'x'
'x' || 1 + 2
1 | 2 & 3
5 ^ 1 | 8
not true = false
i > 5 = b
i between 1 and 10 and b
(i + 1) in (8)
i is null or b
cast(null as int) + 1
cast('2025-01-15T10:30' as timestamp)
cast('2025-01-15T10' as timestamp)
cast('10:30' as timestamp) is null
cast('2025-01-15 10:30:00 Europe/Berlin' as timestamp)
cast('  2025-01-15  ' as date)
cast('20250115' as date)
cast('2025-1-5' as date)
cast(12345678.9D as string)
cast(100000.0D as string)
cast(1234567.0D as float)
cast(1.0E-5D as string)
cast(-0.0D as string)
float(0.1) + 0.2D
float(0.1) = 0.1D
float(16777217)
1.5F * 1.1F
cast(3000000000 as float)
