// Rendered on the server, for each request: address and key are this server's to give.
import { connection } from 'next/server';
import { Upload } from './upload';

export default async function Page() {
  await connection();
  return <Upload baseUrl={process.env.CLOUDINDEX_URL} apiKey={process.env.CLOUDINDEX_KEY} />;
}
