Write-Host ''
$user = ''
if ($user -ne '' -and $user -ne $null) { Write-Host $user } elseif (!$user) { throw "Fill in the name first, not '$user'." }
