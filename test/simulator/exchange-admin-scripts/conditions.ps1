$none = @()
$one = @('a')
$many = 'a', 'b'
if ($none) { Write-Host 'none' }
if ($one -and $many) { Write-Host "$($many.Count) $one $many" }
if ($many.Count -eq 2 -and ($one -eq 'A' -or $none)) { Write-Host 'a is A' }
foreach ($empty in $none) { Write-Host 'nothing' }
if (-not (Get-Module x)) {
  Write-Host 'no module'
} else {
  Write-Host "tab`tand `"quotes`", ""doubled"" and `$money"
}
