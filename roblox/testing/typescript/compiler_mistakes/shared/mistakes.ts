// Mistakes that roblox-ts itself must refuse: each line that ends with "// wrong", and no other.

// The module is the server's; this file is not.
import RankService from "@rankbot/rank-service"; // wrong

export const ranks = new RankService({
	baseUrl: "https://rankbot.example.com",
	// Compiled, it would take the event for itself.
	onEvent(event) { // wrong
		print(event.kind);
	},
});

// A method without its client.
export const promote = ranks.PromoteAsync; // wrong
