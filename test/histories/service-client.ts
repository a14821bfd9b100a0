/** Any JSON answer. */
export interface Answer {
  readonly [key: string]: unknown;
}

/** What the service says when it refuses. */
export interface Problem {
  readonly code: string;
  readonly message: string;
  readonly hint?: string;
  readonly statement?: number;
}

export class ServiceProblem extends Error {
  readonly problem: Problem;

  constructor(problem: Problem) {
    super(`${problem.code}: ${problem.message}`);
    this.problem = problem;
  }
}

/** Asks the service as any pipeline would; problems keep their code and hint. */
export class ServiceClient {
  readonly #url: string;
  readonly #token: string;

  constructor(url: string, token: string) {
    this.#url = url;
    this.#token = token;
  }

  get = (path: string): Promise<Answer> => this.#send("GET", path);
  post = (path: string, body: object): Promise<Answer> => this.#send("POST", path, body);

  async #send(method: string, path: string, body?: object): Promise<Answer> {
    const response = await fetch(this.#url + path, {
      method,
      headers: { authorization: `Bearer ${this.#token}`, "content-type": "application/json" },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    });
    const answer = (await response.json()) as Answer;
    if (response.ok) return answer;
    const { code, detail, hint } = answer as { code: string; detail: string; hint?: string };
    throw new ServiceProblem({ code, message: detail, ...(hint === undefined ? {} : { hint }) });
  }
}
