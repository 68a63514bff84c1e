export async function manualPages(_version: string): Promise<{ name: string; text: string }[]> {
  return [];
}
