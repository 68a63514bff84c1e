try { Write-Host x } catch { }
