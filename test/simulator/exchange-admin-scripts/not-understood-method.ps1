$a = 'x'
$a.ToUpper()
