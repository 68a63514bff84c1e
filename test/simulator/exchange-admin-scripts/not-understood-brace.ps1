if ($true) {
  Write-Host 'x'

