import { type Browser, chromium, type Page } from 'playwright-core';
import { afterTest, type Microsoft365 } from '../simulator/harness.ts';

/** The sign-in site. */
type SignInPlace = Pick<Microsoft365, 'endpoints' | 'userPassword'>;

/** A page of a real browser: headless Chromium without JavaScript. */
export async function chromiumPage(): Promise<Page> {
  const browser: Browser = await chromium.launch({ executablePath: '/usr/bin/chromium', args: ['--no-sandbox'] });
  afterTest(() => browser.close());
  const context = await browser.newContext({ ignoreHTTPSErrors: true, javaScriptEnabled: false });
  return await context.newPage();
}

/** Enters a device code, signs in, and accepts if consent is requested. */
export async function enterDeviceCode(page: Page, m365: SignInPlace, code: string, username: string): Promise<void> {
  await page.goto(`${m365.endpoints.authority}/deviceauth`);
  await page.getByLabel('Code').fill(code);
  await page.getByRole('button', { name: 'Next' }).click();
  await signInOnPage(page, m365, username);
  await page.locator('#done').waitFor();
}

/** Signs in at a link and accepts; ends on the page that the browser is redirected to. */
export async function followLink(page: Page, m365: Microsoft365, link: string, username: string): Promise<string> {
  await page.goto(link);
  await signInOnPage(page, m365, username);
  await page.getByText('You can close this window.').waitFor();
  return (await page.locator('body').textContent()) ?? '';
}

/** Enters name and password at Microsoft, and accepts if consent is requested. */
export async function signInOnPage(page: Page, m365: SignInPlace, username: string): Promise<void> {
  await page.getByLabel('User name').fill(username);
  await page.getByRole('button', { name: 'Next' }).click();
  await page.getByLabel('Password').fill(m365.userPassword);
  await page.getByRole('button', { name: 'Sign in' }).click();
  const accept = page.getByRole('button', { name: 'Accept' });
  if (await accept.isVisible()) await accept.click();
}
