// Chromium without a screen, from a package that has the libraries with it that a bare machine lacks. It asks no host but
// this one, and knows nothing of what is shown.
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import puppeteer from 'puppeteer-core';

/** The package brings its libraries where it believes to be. */
const BARE = 'nodejs22.x';
const ARGUMENTS = ['--headless', '--no-sandbox', '--no-zygote', '--disable-gpu', '--disable-dev-shm-usage'];

/** The package has its fonts looked for where it is not. */
const configuration = (fonts) => `<?xml version="1.0"?>
<!DOCTYPE fontconfig SYSTEM "fonts.dtd">
<fontconfig><dir>${fonts}</dir><cachedir>${join(fonts, 'cache')}</cachedir></fontconfig>
`;

/** A browser, and how it is removed. */
export async function browser() {
  const folder = await mkdtemp(join(tmpdir(), 'browser-'));
  Object.assign(process.env, { TMPDIR: folder, AWS_LAMBDA_JS_RUNTIME: BARE });
  const { default: chromium } = await import('@sparticuz/chromium');
  chromium.setGraphicsMode = false;
  const executablePath = await chromium.executablePath();
  const fonts = join(folder, 'fonts');
  await writeFile(join(fonts, 'fonts.conf'), configuration(fonts));
  const launched = await puppeteer.launch({ executablePath, args: ARGUMENTS, headless: 'shell', userDataDir: join(folder, 'profile') });
  const remove = async () => {
    await launched.close();
    await rm(folder, { recursive: true, force: true });
  };
  return { browser: launched, remove };
}

/** A page at this address, which is shown nothing of other hosts. */
export async function open(launched, url) {
  const page = await launched.newPage();
  await page.setRequestInterception(true);
  page.on('request', (request) => (new URL(request.url()).hostname === '127.0.0.1' ? request.continue() : request.abort()));
  await page.goto(url, { waitUntil: 'load' });
  return page;
}
