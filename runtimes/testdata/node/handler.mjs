// The Node function, started by AWS's runtime interface client.
import fs from 'node:fs';
import dns from 'node:dns/promises';
import os from 'node:os';

let turns = 0;

export async function handle(event) {
  turns++;
  const turn = turns;
  fs.appendFileSync(event.Handled, event.Case + '\n');
  const body = JSON.stringify({ sku: event.SKU, turn, pid: process.pid, seen: await look(event) });
  return { statusCode: 200, body };
}

async function look(event) {
  const pid = event.Of === 'parent' ? process.ppid : process.pid;
  switch (event.Probe) {
    case 'disk': {
      const stat = fs.statfsSync(os.tmpdir());
      return Math.floor(stat.bavail * stat.bsize / 2 ** 20);
    }
    case 'memory':
      return Math.floor(Number(fs.readFileSync(`/proc/${pid}/statm`, 'utf8').split(' ')[1]) * 4096 / 2 ** 20);
    case 'cpu': {
      const first = ticks(pid);
      for (let i = 0; i < 60; i++) {
        await new Promise((done) => setTimeout(done, 50));
        if (ticks(pid) - first >= 8) return true;
      }
      return false;
    }
    case 'descriptors':
      return open(event.Descriptors);
    case 'lookup':
      return dns.lookup(event.Host).then(() => true, () => false);
    case 'http':
      return (await fetch(event.URL)).status;
  }
  return null;
}

function ticks(pid) {
  const fields = fs.readFileSync(`/proc/${pid}/stat`, 'utf8').split(')').pop().trim().split(' ');
  return Number(fields[11]) + Number(fields[12]);
}

function open(most) {
  const files = [];
  try {
    while (files.length < most) files.push(fs.openSync('/dev/null'));
  } catch {
    // as many as there were
  } finally {
    files.forEach((f) => fs.closeSync(f));
  }
  return files.length;
}

// Streams, as function URLs with RESPONSE_STREAM have them.
export const stream = globalThis.awslambda?.streamifyResponse(async (event, out) => {
  out.write('first piece\n');
  await fetch(event.Gate); // answers when the first piece has arrived
  out.write('0123456789abcdef'.repeat(8192));
  out.write('\u0000last\r\n');
  out.end();
});

export const page = globalThis.awslambda?.streamifyResponse(async (event, out) => {
  out = awslambda.HttpResponseStream.from(out, { statusCode: 201, headers: { 'content-type': 'text/plain' } });
  out.write('first piece\n');
  await fetch(event.Gate);
  out.write('0123456789abcdef'.repeat(8192));
  out.end('last');
});
