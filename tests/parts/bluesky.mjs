// A real personal data server with its directory, kept in memory. Writes its URL into the file it is told.
import { writeFileSync } from "node:fs";
import { TestNetworkNoAppView } from "@atproto/dev-env";

const network = await TestNetworkNoAppView.create({ dbPostgresSchema: "none" });
writeFileSync(process.argv[2], network.pds.url);
process.on("SIGTERM", () => process.exit(0));
