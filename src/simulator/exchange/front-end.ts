/** Name of the simulated Exchange front end, as it appears in replies. */
export const frontEndName = 'SIMULATOR.outlook.office365.example';
