Write-Host $nobody
