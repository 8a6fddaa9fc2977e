// The element: an empty tag from the server, alive in the browser.
import { connection } from 'next/server';
import { CloudIndexUploader } from 'cloudindex-uploader/react';

export default async function Page() {
  await connection();
  return <CloudIndexUploader options={{ baseUrl: process.env.CLOUDINDEX_URL, apiKey: process.env.CLOUDINDEX_KEY }} />;
}
