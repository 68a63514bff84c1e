Write-Host 'one'
Write-Host 'two
