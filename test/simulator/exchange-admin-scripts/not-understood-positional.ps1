Get-Module a b
