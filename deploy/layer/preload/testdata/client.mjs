// Does what each line of standard input says, in one process, and answers in one line.
import dns from "node:dns";
import net from "node:net";
import readline from "node:readline";

const commands = {
  lookup: async (name, family = "0") =>
    (await dns.promises.lookup(name, { family: { 0: 0, 2: 4, 10: 6 }[family] })).address,
  connect: (name, port, timeout = "10") =>
    new Promise((resolve, reject) => {
      const socket = net.connect({ host: name, port: Number(port), family: 4, timeout: timeout * 1000 });
      socket.on("connect", () => (socket.destroy(), resolve("connected")));
      socket.on("timeout", () => (socket.destroy(), resolve("timeout")));
      socket.on("error", reject);
    }),
  query: async (way, server, name) => {
    const resolver = new dns.promises.Resolver(way.endsWith("-lost") ? { timeout: 100, tries: 1 } : {});
    resolver.setServers([server]);
    return (await resolver.resolve4(name)).length > 0 ? "answer" : "nothing";
  },
};

const named = { ENOTFOUND: "nxdomain", ECONNREFUSED: "refused", ETIMEOUT: "timeout" };
for await (const line of readline.createInterface({ input: process.stdin })) {
  const [command, ...values] = line.split(" ");
  try {
    console.log(await commands[command](...values));
  } catch (e) {
    console.log(named[e.code] ?? String(e));
  }
}
