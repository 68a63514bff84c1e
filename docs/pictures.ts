/**
 * Redraws the pictures of the README from the demo: `npm run pictures`. Takes six minutes, because the plots need data
 * to show. Needs Chromium.
 */
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as wait } from 'node:timers/promises';
import { chromium } from 'playwright-core';
import { type RunningDemo, runDemo } from './pictures/demo.ts';
import { drawFlow } from './pictures/flow.ts';
import { drawCommand } from './pictures/terminal.ts';

const folder = join(import.meta.dirname, 'pictures');
const file = (name: string) => join(folder, name);

/** How long mail flows before the overview is captured. */
const trafficMinutes = Number(process.env.PICTURE_MINUTES ?? 6);

const subjects = [
  'Invoice',
  'Delivery note',
  'Scan of floor 2',
  'Backup report',
  'Disk almost full on erp-01',
  'Order',
];

/** Mail as an office sends it, including a period when Microsoft is slow and one when it is down. */
async function letMailFlow(demo: RunningDemo): Promise<void> {
  const end = Date.now() + trafficMinutes * 60_000;
  for (let n = 0; Date.now() < end; n++) {
    const left = (end - Date.now()) / (trafficMinutes * 60_000);
    const isDown = left > 0.3 && left < 0.4;
    if (n % 5 === 0) {
      await demo.setState({
        graphLatencyMs: Math.round(180 + 120 * Math.sin(n / 6) + (left < 0.6 && left > 0.45 ? 700 : 0)),
        outages: isDown ? ['graph'] : [],
      });
    }
    const subject = `${subjects[n % subjects.length]} ${4711 + n}`;
    await demo.send(n % 3 === 0 ? 'erp' : 'scanner', subject);
    await wait(1_600 + 1_200 * Math.sin(n / 9) + 300 * (n % 4));
  }
  await demo.setState({ graphLatencyMs: 0, outages: [] });
}

async function takeOverview(demo: RunningDemo): Promise<void> {
  const browser = await chromium.launch({ executablePath: '/usr/bin/chromium', args: ['--no-sandbox'] });
  const context = await browser.newContext({
    viewport: { width: 1200, height: 740 },
    locale: 'en-GB',
    colorScheme: 'light',
  });
  const page = await context.newPage();
  await page.goto(demo.pages);
  await page.locator('.plot canvas').first().waitFor();
  await page.getByText('Live', { exact: true }).waitFor();
  await page.screenshot({ path: file('overview.png') });
  await browser.close();
}

await writeFile(file('flow.svg'), drawFlow());
const demo = await runDemo();
try {
  await letMailFlow(demo);
  await takeOverview(demo);
  // One thing is wrong: that is when people read it.
  await demo.setState({ popDisabledFor: ['alice@contoso.example'] });
  const args = ['check', '--config', demo.configFile];
  await writeFile(file('check.svg'), await drawCommand('mailbridge check', args));
} finally {
  await demo.stop();
}
