Get-Module -Name -ListAvailable
