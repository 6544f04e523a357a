i
st.x
st.in.deep
a[0]
list[0].v
i + 1
i - 1 * d
(i + 1) * 2
-i
not b
i = 7
i <> 7
i > 1 and d < 2
b or f
n is null
n is not null
i in (1, 2)
i not in (1, 2)
i between 1 and 2
s like 'h%'
s rlike 'h.*'
s || 'x'
case when i > 1 then 2 else 3 end
case i when 1 then 2 end
cast(i as string)
i::bigint
try_cast(s as int)
count(*)
count(1)
count(i)
count(distinct i)
count(*) filter (where i > 1)
sum(price)
sum(price * qty)
avg(d)
max(ts)
upper(s)
coalesce(n, 0)
if(b, 1, 2)
concat(s, '-', num)
substring(s, 1, 2)
round(price, 1)
1
'text'
1.5
true
null
date '2025-01-31'
current_timestamp()
date_format(ts, 'yyyy')
explode(a)
struct(i, s)
split(s, ',')
first(s) ignore nulls
percentile_approx(d, 0.5)
i <=> n
i % 2
i div 2
~i
nvl(n, 0)
