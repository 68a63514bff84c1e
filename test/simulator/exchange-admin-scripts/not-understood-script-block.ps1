Get-Module |
  Where-Object { $_.Name -eq 'x' }
